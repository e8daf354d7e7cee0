// Judges librechat.yaml files as the server does at its start: the schema of the pinned
// librechat-data-provider, strict at the root (contracts 4.1).
//
//   node check.mjs FILE...   one JSON line a file: {file, valid, errors: [{path, code, message}]}
//   exit: 0 all pass, 1 one fails or cannot be read, 2 no file given
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { configSchema } from 'librechat-data-provider';

/** Returns the verdict over one file; a file that cannot be read or parsed is not valid. */
function judge(file) {
  try {
    const result = configSchema.strict().safeParse(load(readFileSync(file, 'utf8')));
    const errors = (result.error?.issues ?? []).map(({ path, code, message, keys }) => ({
      path: path.join('.'),
      code,
      message,
      ...(keys && { keys }),
    }));
    return { file, valid: result.success, errors };
  } catch (error) {
    return {
      file,
      valid: false,
      errors: [{ path: '', code: error.code ?? error.name, message: error.message }],
    };
  }
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: node check.mjs FILE...');
  process.exit(2);
}
const verdicts = files.map(judge);
for (const verdict of verdicts) console.log(JSON.stringify(verdict));
process.exitCode = verdicts.every((verdict) => verdict.valid) ? 0 : 1;
