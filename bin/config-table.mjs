// npm run docs:config: writes the table of settings into README.md; with --check it only says whether it is current.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';

const START = '<!-- config:start -->';
const END = '<!-- config:end -->';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
requireNode();
ensureInstalled(root);
ensureBuilt(root);

const file = path.join(root, 'README.md');
const { configTable } = await import(
  pathToFileURL(path.join(root, 'dist', 'libs', 'common', 'src', 'config', 'config-table.js')).href
);
const text = readFileSync(file, 'utf8');
const [from, to] = [text.indexOf(START), text.indexOf(END)];
if (from === -1 || to < from) fail(`README.md lacks the markers ${START} and ${END}.`);
const current = `${text.slice(0, from + START.length)}\n\n${configTable()}\n\n${text.slice(to)}`;
if (current === text) process.exit(0);
if (process.argv.includes('--check'))
  fail('The table of settings in README.md is out of date: run npm run docs:config.');
writeFileSync(file, current);
console.error('README.md: table of settings written.');

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
