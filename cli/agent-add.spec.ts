import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CliFixture } from '../test/support/cli-fixture.js';
import { bodyOf, startGateway, type TestGateway } from '../test/support/gateway.js';
import { PretendHub } from '../test/support/pretend-hub.js';
import type { Added } from './agent-add.js';
import type { AgentConfig } from './agent-config.js';

describe('adding an agent from the command line', () => {
  let cli: CliFixture;
  let gateway: TestGateway;

  beforeAll(async () => {
    cli = new CliFixture();
    gateway = await startGateway();
  });
  afterAll(async () => {
    await gateway.close();
    await cli.dispose();
  });

  const add = async (name: string, flags: string[] = [], env: Record<string, string> = {}) => {
    const { ended, stdout, stderr } = cli.run(['agent', 'add', '--name', name, '--hub', gateway.url, ...flags], env);
    return { code: (await ended).code, stdout: stdout(), stderr: stderr() };
  };
  const withKey = () => ['--key', gateway.db.ownerKey];
  const configOf = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as AgentConfig;

  it('makes the agent and a key for it alone, for the eyes of its owner only', async () => {
    const flags = ['--capability', 'research:4', '--capability', 'writing', '--max-concurrent', '2', '--json'];
    const answer = await add('scout', [...withKey(), ...flags]);
    expect(answer).toMatchObject({ code: 0, stderr: '' });
    const added = JSON.parse(answer.stdout) as Added;
    expect(added).toMatchObject({
      ...{ agent: 'scout', created: true, hub: gateway.url, workspace: 'default' },
      configFile: path.join(cli.configDir, 'agents', 'scout.json'),
      run: 'npx houston agent run --name scout -- COMMAND',
    });
    const config = configOf(added.configFile);
    expect(statSync(added.configFile).mode & 0o777).toBe(0o600);
    expect(answer.stdout).not.toContain(config.key);
    const me = bodyOf(await gateway.as(config.key).get('/api/me'), 200);
    expect(me).toMatchObject({ key: { role: 'agent' }, agent: { id: added.agentId, name: 'scout' } });
    const agent = bodyOf(await gateway.owner.get('/api/agents/scout'), 200);
    expect(agent).toMatchObject({
      maxConcurrent: 2,
      capabilities: [
        { name: 'research', level: 4 },
        { name: 'writing', level: 3 },
      ],
    });
  });

  it('gives an agent that exists one more key, and the first one goes on working', async () => {
    const first = configOf((JSON.parse((await add('twice', [...withKey(), '--json'])).stdout) as Added).configFile);
    const again = JSON.parse((await add('twice', [...withKey(), '--json'])).stdout) as Added;
    expect(again.created).toBe(false);
    const second = configOf(again.configFile);
    expect(second.agentId).toBe(first.agentId);
    expect(second.key).not.toBe(first.key);
    for (const { key } of [first, second]) bodyOf(await gateway.as(key).get('/api/me'), 200);
  });

  it('changes what it is told of an agent that exists, such as one that asked for money before, and nothing else', async () => {
    const ask = { agent: 'known', model: 'gpt-4o', estimate: { costUsd: '0.01' } };
    bodyOf(await gateway.owner.post('/api/executions', ask), 201);
    bodyOf(await gateway.owner.patch('/api/agents/known', { description: 'Kept' }), 200);
    const flags = [...withKey(), '--capability', 'research:4'];
    expect(await add('known', flags)).toMatchObject({ code: 0, stderr: '' });
    const agent = bodyOf(await gateway.owner.get('/api/agents/known'), 200);
    expect(agent).toMatchObject({ description: 'Kept', capabilities: [{ name: 'research', level: 4 }] });
    const refused = await add('known', [...withKey(), '--capability', 'x'.repeat(300)]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/does not make the agent/);
  });

  it('makes no key that it could not keep', async () => {
    const keys = async () => bodyOf<{ items: unknown[] }>(await gateway.owner.get('/api/keys?limit=200'), 200).items;
    const before = await keys();
    const file = path.join(cli.root, 'a-file');
    writeFileSync(file, '');
    for (const config of [path.join(file, 'agent.json'), cli.root]) {
      const answer = await add('homeless', [...withKey(), '--config', config]);
      expect(answer).toMatchObject({ code: 2, stdout: '' });
      expect(answer.stderr).toContain(config);
      expect(answer.stderr).not.toMatch(/\n\s+at /);
    }
    expect(await keys()).toEqual(before);
    expect((await gateway.owner.get('/api/agents/homeless')).status).toBe(404);
  });

  it('binds the key to a workspace, and tells people what to do next', async () => {
    await gateway.workspace('research');
    const answer = await add('bound one', [...withKey(), '--workspace', 'research']);
    expect(answer.code).toBe(0);
    expect(answer.stdout).toMatch(/workspace research\.\n/);
    expect(answer.stdout).toContain("npx houston agent run --name 'bound one' -- COMMAND");
    const config = configOf(path.join(cli.configDir, 'agents', 'bound%20one.json'));
    expect((await gateway.as(config.key, 'default').get('/api/me')).status).toBe(404);
  });

  it('takes the key of the environment, or the one that a Houston keeps in its data folder', async () => {
    expect((await add('by-env', [], { HOUSTON_API_KEY: gateway.db.ownerKey })).code).toBe(0);
    writeFileSync(path.join(cli.root, 'owner.key'), `${gateway.db.ownerKey}\n`);
    expect((await add('by-file')).code).toBe(0);
    expect((await add('by-nothing', [], { HOUSTON_DATA_DIR: cli.configDir })).code).toBe(2);
  });

  it('writes no file when it is refused or nobody is there, and says why', async () => {
    const wrong = await add('nobody', ['--key', `hou_${'x'.repeat(40)}`]);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(/does not make the agent/);
    const viewer = await add('nobody', ['--key', await gateway.key({ role: 'viewer' })]);
    expect(viewer.stderr).toMatch(/may not agents:write/);
    const hub = await PretendHub.start();
    const { url } = hub;
    await hub.close();
    const away = await add('nobody', ['--hub', url, ...withKey()]);
    expect(away).toMatchObject({ code: 1, stdout: '' });
    expect(away.stderr).toMatch(/ECONNREFUSED.*Is Houston running there\?/);
    expect(existsSync(path.join(cli.configDir, 'agents', 'nobody.json'))).toBe(false);
  });

  it('does not use a file that others can read', async () => {
    const file = cli.configure(gateway.url, 'open');
    chmodSync(file, 0o644);
    const { ended, stderr } = cli.run(['agent', 'run', '--name', 'open', '--', 'true']);
    expect((await ended).code).toBe(2);
    expect(stderr()).toMatch(/others can read it/);
  });
});
