import { appendEvent } from '@houston/common/events/event-log.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { EventBody } from './event.dto.js';

interface EventPage {
  items: EventBody[];
  nextCursor: string | null;
}

describe('GET /api/events', () => {
  let gateway: TestGateway;
  let other: { id: string; slug: string };

  const append = (type: string, subject: string, workspaceId: string | null) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      appendEvent(tx, { type, actor: 'system', subject, data: { subject }, workspaceId }),
    );
  const list = async (parameters = '', as = gateway.owner) =>
    bodyOf<EventPage>(await as.get(`/api/events${parameters}`), 200);
  const subjects = (page: EventPage) => page.items.map((event) => event.subject);

  beforeAll(async () => {
    gateway = await startGateway();
    other = await gateway.workspace('other');
    const { workspaceId } = gateway.db;
    await append('budget.created', 'budget:1', workspaceId);
    await append('budget.frozen', 'budget:1', workspaceId);
    await append('agent.created', 'agent:1', workspaceId);
    await append('budget.exhausted', 'budget:shared', null);
    await append('budget.created', 'budget:hidden', other.id);
  });
  afterAll(() => gateway.close());

  it('answers the newest first, in the envelope, with the acts of the organization', async () => {
    const page = await list('?type=*&limit=200');
    expect(subjects(page).slice(0, 4)).toEqual(['budget:shared', 'agent:1', 'budget:1', 'budget:1']);
    expect(Object.keys(page.items[0] ?? {}).sort()).toEqual(
      ['actor', 'data', 'id', 'seq', 'subject', 'time', 'type', 'workspace'].sort(),
    );
    expect(page.items.slice(0, 2).map((event) => event.workspace)).toEqual([null, 'default']);
  });

  it('shows a key of a workspace neither the organization nor another workspace', async () => {
    const bound = gateway.as(await gateway.key({ role: 'viewer', workspaceId: other.id }));
    expect(subjects(await list('', bound))).toEqual(['budget:hidden']);
    expect(subjects(await list(''))).not.toContain('budget:hidden');
  });

  it('filters by type, by the beginning of a type, by subject and by time', async () => {
    expect(subjects(await list('?type=budget.frozen'))).toEqual(['budget:1']);
    expect(subjects(await list('?type=budget.*'))).toEqual(['budget:shared', 'budget:1', 'budget:1']);
    expect((await list('?subject=agent:1')).items).toHaveLength(1);
    const [newest] = (await list('?type=budget.*')).items;
    expect(subjects(await list(`?type=budget.*&from=${newest?.time}`))).toContain('budget:shared');
    expect(subjects(await list(`?from=2100-01-01T00:00:00Z`))).toEqual([]);
    expect(subjects(await list(`?to=2020-01-01`))).toEqual([]);
  });

  it('pages without gap or repetition, also while new events come in', async () => {
    const whole = subjects(await list('?type=budget.*'));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: EventPage = await list(`?type=budget.*&limit=1${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...subjects(page));
      cursor = page.nextCursor;
      await append('budget.updated', 'budget:new', gateway.db.workspaceId);
    } while (cursor !== null);
    expect(seen).toEqual(whole);
  });

  it.each(['type=Budget', 'type=**', 'type=budget.%25', 'from=soon', 'cursor=abc', 'limit=0', 'subject=%00'])(
    'refuses ?%s',
    async (parameters) => {
      expect((await gateway.owner.get(`/api/events?${parameters}`)).status).toBe(422);
    },
  );

  it('refuses a forged cursor', async () => {
    const { nextCursor } = await list('?limit=1');
    const [digest] = JSON.parse(Buffer.from(nextCursor ?? '', 'base64url').toString()) as string[];
    const forged = Buffer.from(JSON.stringify([digest, '1; drop'])).toString('base64url');
    expect((await gateway.owner.get(`/api/events?limit=1&cursor=${forged}`)).status).toBe(422);
  });
});
