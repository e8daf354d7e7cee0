import json, sys, urllib.request
answer = json.load(urllib.request.urlopen("http://127.0.0.1:8000/health", timeout=4))
sys.exit(0 if isinstance(answer, dict) and answer.get("status") == "UP" else 1)
