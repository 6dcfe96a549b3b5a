import { standupReport } from '@houston/common/standups/standup-report.js';
import { keepStandup } from '@houston/common/standups/standup.store.js';
import { v7 as newId } from 'uuid';
import { addChannel, addNotification } from '../../../../test/factories/notifications.js';
import { NotificationFixture } from '../../../../test/support/notification-fixture.js';

let fixture: NotificationFixture;

beforeAll(async () => {
  fixture = await NotificationFixture.open();
});
afterAll(() => fixture.close());

describe('a stand-up in Slack', () => {
  const notify = async (standupId: string) => {
    const channel = await addChannel(fixture.db, { url: fixture.slack.url });
    const more = { type: 'standup.sent', title: 'Stand-up', text: 'In words', refs: { standupId } };
    await fixture.notify(await addNotification(fixture.db, { channelId: channel.id, channel: 'slack' }, more));
    return JSON.parse(fixture.slack.received.at(-1)!.body) as { text: string; blocks: { text: { text: string } }[] };
  };

  it('is shown section by section, as it was rendered when it was made', async () => {
    const id = newId();
    const { database, organizationId, workspaceId } = fixture.db;
    await database.inWorkspace({ organizationId, workspaceId }, async (tx) => {
      await tx.query(
        `insert into tasks (organization_id, workspace_id, id, title, status, priority, dispatch_at, created_by, ended_at, result)
         values ($1, $2, $3, 'Ask <!channel>', 'done', 'normal', now(), 'system', now() - interval '1 hour', '{}')`,
        [organizationId, workspaceId, newId()],
      );
      const report = await standupReport(tx, { id: workspaceId, name: 'Default', timezone: 'UTC' });
      await keepStandup(tx, { id: workspaceId, settings: {} }, report, {
        id,
        tickAt: null,
        origin: 'manual',
        createdBy: 'system',
      });
    });
    const sent = await notify(id);
    const texts = sent.blocks.map((block) => block.text.text);
    expect(texts).toEqual(expect.arrayContaining(['*Completed (1)*', '• Ask &lt;!channel&gt;', '*Blocked (0)*']));
    expect(sent).toMatchObject({ parse: 'none', unfurl_links: false });
  });

  it('that is gone is told in words', async () => {
    for (const standupId of [newId(), 'no id']) {
      expect(JSON.stringify((await notify(standupId)).blocks)).toContain('In words');
    }
  });
});
