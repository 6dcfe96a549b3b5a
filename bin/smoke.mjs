// npm run smoke: installs and builds when needed, then looks whether a Houston works.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
requireNode();
ensureInstalled(root);
ensureBuilt(root);
await import(pathToFileURL(path.join(root, 'dist', 'bench', 'smoke', 'smoke.js')).href);
