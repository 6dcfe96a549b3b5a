// npm run docs:permissions: writes docs/permissions.md from the routes; with --check it only says whether it is current.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';

const START = '<!-- permissions:start -->';
const END = '<!-- permissions:end -->';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
requireNode();
ensureInstalled(root);
ensureBuilt(root);

const file = path.join(root, 'docs', 'permissions.md');
const text = readFileSync(file, 'utf8');
const [from, to] = [text.indexOf(START), text.indexOf(END)];
if (from === -1 || to < from) fail(`docs/permissions.md lacks the markers ${START} and ${END}.`);
const current = `${text.slice(0, from + START.length)}\n\n${await table()}\n\n${text.slice(to)}`;
if (current === text) process.exit(0);
if (process.argv.includes('--check')) fail('docs/permissions.md is out of date: run npm run docs:permissions.');
writeFileSync(file, current);
console.error('docs/permissions.md written.');

async function table() {
  const load = (name) => import(pathToFileURL(path.join(root, 'dist', 'apps', 'gateway', 'src', name)).href);
  const { NestFactory } = await import('@nestjs/core');
  const { GatewayModule } = await load('gateway.module.js');
  const { fastifyAdapter } = await load('http/fastify.js');
  const { openApiDocument } = await load('http/openapi.js');
  const { permissionTable } = await load('http/permission-table.js');
  // A preview makes none of the services, so that it needs no database.
  const options = { preview: true, logger: false, abortOnError: false };
  return permissionTable(openApiDocument(await NestFactory.create(GatewayModule, fastifyAdapter([]), options)));
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
