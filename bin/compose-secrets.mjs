// Writes .env with fresh secrets for docker-compose.yml, once: values that are there already are kept.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const file = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '.env');
const secret = () => randomBytes(24).toString('hex');
const wanted = { POSTGRES_PASSWORD: secret, REDIS_PASSWORD: secret, HOUSTON_OWNER_KEY: () => `hou_${secret()}` };

const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
const missing = Object.keys(wanted).filter((name) => !new RegExp(`^${name}=.`, 'm').test(text));
const gap = text === '' || text.endsWith('\n') ? '' : '\n';
const added = missing.map((name) => `${name}=${wanted[name]()}\n`).join('');
writeFileSync(file, text + gap + added, { mode: 0o600 });
chmodSync(file, 0o600);
console.log(missing.length === 0 ? '.env has every secret already.' : `.env: wrote ${missing.join(', ')}.`);
