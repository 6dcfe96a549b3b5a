#!/usr/bin/env node
// npx houston: installs and builds when needed, then does what the command line says.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
requireNode();
ensureInstalled(root);
ensureBuilt(root);
const { houston } = await import(pathToFileURL(path.join(root, 'dist', 'cli', 'houston.js')).href);
// A socket that is kept alive would keep the process: what is to be done is done.
process.exit(await houston(process.argv.slice(2)));
