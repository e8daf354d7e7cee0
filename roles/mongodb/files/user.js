// The user of LibreChat: it reads and writes its own database and nothing else (contracts 1.5).
db.getSiblingDB('LibreChat').createUser({
  user: 'librechat',
  pwd: process.env.MONGO_INITDB_ROOT_PASSWORD,
  roles: [{ role: 'readWrite', db: 'LibreChat' }],
});
