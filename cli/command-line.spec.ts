import { CliFixture } from '../test/support/cli-fixture.js';

describe('the command line', () => {
  let cli: CliFixture;

  beforeAll(() => {
    cli = new CliFixture();
    for (const name of ['one', 'two']) cli.configure('http://127.0.0.1:9', name);
  });
  afterAll(() => cli.dispose());

  it.each([
    [['agent', 'run'], /Name the command/],
    [['agent', 'fly'], /no command "agent fly"/],
    [['agent', 'add', '--name', 'x', '--capability', 'french:9'], /--capability takes levels from 1 to 5/],
    [['agent', 'run', '--speed', '3', '--', 'true'], /--speed/],
    [['agent', 'run', '--transport', 'pigeon', '--', 'true'], /--transport takes socket or http/],
    [['agent', 'run', '--wait', '31', '--', 'true'], /--wait takes a whole number from 0 to 30/],
    [['agent', 'run', '--name', 'nobody', '--', 'true'], /There is no .*nobody\.json/],
    [['agent', 'run', '--', 'true'], /Say which agent/],
  ])('refuses %j with a sentence and exit code 2', async (args, sentence) => {
    const { ended, stderr } = cli.run(args);
    expect(await ended).toEqual({ code: 2, signal: null });
    expect(stderr()).toMatch(sentence);
    expect(stderr()).not.toMatch(/^\s+at /m);
  });
});
