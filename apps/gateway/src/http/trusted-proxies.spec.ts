import { type ApiClient, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

describe('who fails to authenticate behind a proxy', () => {
  const gateways: TestGateway[] = [];
  afterAll(() => Promise.all(gateways.map((gateway) => gateway.close())));

  async function behind(trusted: string): Promise<TestGateway> {
    const gateway = await startGateway({ env: { TRUSTED_PROXIES: trusted } });
    gateways.push(gateway);
    return gateway;
  }
  let count = 0;
  /** With another key each time, so that the address alone decides. */
  const guess = async (gateway: TestGateway, forwardedFor: string) => {
    const stranger: ApiClient = gateway.as(`hou_${String(++count).padStart(12, '0')}_${'x'.repeat(30)}`);
    return (await stranger.get('/api/me', { 'x-forwarded-for': forwardedFor })).status;
  };
  const guesses = async (gateway: TestGateway, forwardedFor: (n: number) => string) => {
    const statuses: number[] = [];
    for (let n = 0; n < 22; n += 1) statuses.push(await guess(gateway, forwardedFor(n)));
    return statuses;
  };

  it('is the connection itself where no proxy is trusted, whatever X-Forwarded-For says', async () => {
    const gateway = await behind('');
    const statuses = await guesses(gateway, (n) => `203.0.113.${n}`);
    expect(statuses).toEqual([...Array(20).fill(401), 429, 429]);
    expect((await gateway.owner.get('/api/me')).status).toBe(200);
  });

  it('is the last address before the trusted ones; what a client writes in front of it is nothing', async () => {
    const gateway = await behind('127.0.0.1,10.0.0.0/8');
    const statuses = await guesses(gateway, (n) => `198.51.100.${n}, 203.0.113.7, 10.1.2.3`);
    expect(statuses).toEqual([...Array(20).fill(401), 429, 429]);
    expect(await guess(gateway, '203.0.113.8, 10.1.2.3')).toBe(401);
  });

  it('is the connection itself where only others are trusted', async () => {
    const gateway = await behind('10.0.0.0/8');
    const statuses = await guesses(gateway, (n) => `203.0.113.${n}`);
    expect(statuses.slice(20)).toEqual([429, 429]);
  });
});
