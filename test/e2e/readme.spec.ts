import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { freePort } from '../../launcher/free-port.js';
import { until } from '../support/launcher-fixture.js';

const REPOSITORY = process.cwd();
const README = readFileSync(path.join(REPOSITORY, 'README.md'), 'utf8');
const READY_WITHIN_MS = 40_000;
const TOUR_WITHIN_MS = 40_000;

interface Step {
  script: string;
  /** What is said to be printed, with `…` for whatever is left out; null: nothing is said. */
  expected: string | null;
}

/** The part between `<!-- name:start -->` and `<!-- name:end -->`. */
function part(name: string): string {
  const [, found] = README.match(new RegExp(`<!-- ${name}:start -->([\\s\\S]*)<!-- ${name}:end -->`)) ?? [];
  if (found === undefined) throw new Error(`README.md has no part ${name}`);
  return found;
}

/** Code blocks with their language, in order. */
function blocks(text: string): { language: string; code: string }[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = '']) => ({ language, code }));
}

function stepsOf(text: string): Step[] {
  const all = blocks(text);
  return all.flatMap(({ language, code }, index) => {
    const next = all[index + 1];
    return language === 'bash' ? [{ script: code, expected: next?.language === 'text' ? next.code : null }] : [];
  });
}

/** Every line as it stands, `…` for anything within the line. */
function pattern(expected: string): RegExp {
  const escaped = expected.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('…', '.*')}$`);
}

describe('README.md', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'houston-readme-'));
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '', HOUSTON_DATA_DIR: path.join(folder, 'data') };
  const steps = stepsOf(part('tour'));
  let houston: ChildProcess;
  let said = '';

  beforeAll(async () => {
    const port = String(await freePort());
    env['HOUSTON'] = `http://127.0.0.1:${port}`;
    env['RECEIVER'] = `http://127.0.0.1:${await freePort()}`;
    houston = spawn(process.execPath, [path.join('bin', 'start.mjs'), '--json'], {
      cwd: REPOSITORY,
      env: { ...env, PORT: port, WEBHOOK_ALLOW_CIDRS: '127.0.0.1/32', LOG_LEVEL: 'warn' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [houston.stdout, houston.stderr])
      stream?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    await until('Houston', () => said.includes('"ownerKey"') || houston.exitCode !== null, READY_WITHIN_MS);
    if (houston.exitCode !== null) throw new Error(said);
  }, READY_WITHIN_MS);

  afterAll(async () => {
    const ended = new Promise((resolve) => houston.once('exit', resolve));
    if (houston.exitCode === null) {
      houston.kill('SIGTERM');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    'has a tour that works from top to bottom and prints what it says',
    () => {
      const END = '<end of step>';
      const script = steps.map((step) => `${step.script}\necho '${END}'`).join('\n');
      const output = execFileSync('bash', ['-c', `set -e\n${script}`], {
        cwd: folder,
        env,
        encoding: 'utf8',
        timeout: TOUR_WITHIN_MS,
      });
      const printed = output.split(`${END}\n`);
      expect(printed).toHaveLength(steps.length + 1);
      steps.forEach(({ expected }, index) => {
        if (expected !== null) expect(printed[index]?.trim()).toMatch(pattern(expected));
      });
      expect(steps.filter((step) => step.expected !== null).length).toBeGreaterThan(8);
    },
    TOUR_WITHIN_MS,
  );

  it('has an agent in TypeScript that runs, and that a budget stops before it runs and while it runs', async () => {
    const [example] = blocks(part('agent')).filter(({ language }) => language === 'ts');
    const { outputText, diagnostics } = ts.transpileModule(example?.code ?? '', {
      reportDiagnostics: true,
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    expect(diagnostics).toEqual([]);
    const model = `async function* callModel() {
      for (const outputTokens of [1, 2]) yield { usage: { inputTokens: 1200, outputTokens } };
      console.log('the model ran');
    }`;
    const key = readFileSync(path.join(folder, 'data', 'owner.key'), 'utf8').trim();
    const file = path.join(folder, 'agent.mjs');
    const run = (estimate: string) => {
      writeFileSync(file, `${model}\n${outputText.replace(/(const estimate = ).*/, estimate)}\nconsole.log(run.id);`);
      return execFileSync(process.execPath, [file], { env: { ...env, KEY: key }, encoding: 'utf8', stdio: 'pipe' });
    };
    expect(() => run('$1{ inputTokens: 1200, maxOutputTokens: 800 };')).toThrow(/402/);
    expect(run("$1{ costUsd: '0.0021' };")).not.toContain('the model ran');
    await raiseBudgets(env['HOUSTON'] ?? '', key);
    expect(run('$1{ inputTokens: 1200, maxOutputTokens: 800 };')).toMatch(/^the model ran\n[0-9a-f-]{36}\n$/);
  });

  it('refers to nothing that does not exist', () => {
    const anchors = [...README.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );
    const targets = [...README.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    const missing = targets.filter((target) => {
      if (target.startsWith('http')) return false;
      if (target.startsWith('#')) return !anchors.includes(target.slice(1));
      return !isThere(target);
    });
    expect(missing).toEqual([]);
  });
});

function isThere(file: string): boolean {
  try {
    readFileSync(path.join(REPOSITORY, file));
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}

async function raiseBudgets(url: string, key: string): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const list = await fetch(`${url}/api/budgets`, { headers });
  const { items } = (await list.json()) as { items: { id: string }[] };
  for (const { id } of items) {
    const body = JSON.stringify({ limitUsd: '1' });
    expect((await fetch(`${url}/api/budgets/${id}`, { method: 'PATCH', headers, body })).status).toBe(200);
  }
}
