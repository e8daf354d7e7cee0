#!/usr/bin/env node
// `npm run <script> [arguments]` and nothing else of npm: Debian's npm would double the image.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [verb, name, ...rest] = process.argv.slice(2);
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
if (verb !== 'run' || !scripts[name]) {
  console.error(`This image knows only: npm run ${Object.keys(scripts).join(' | ')}`);
  process.exit(1);
}
const separator = rest.indexOf('--');
if (separator >= 0) rest.splice(separator, 1);
const [program, ...own] = scripts[name].split(' ');
process.exit(spawnSync(program, [...own, ...rest], { stdio: 'inherit' }).status ?? 1);
