// npm start: installs, builds, and hands over to the launcher, each only when needed.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
requireNode();
ensureInstalled(root);
ensureBuilt(root);
const { start } = await import(pathToFileURL(path.join(root, 'dist', 'launcher', 'start.js')).href);
await start({ root, args: process.argv.slice(2) });
