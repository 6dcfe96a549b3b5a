import fc from 'fast-check';
import { digestText, notificationText } from './notification-text.js';

const said = (data: Record<string, unknown>) => notificationText({ type: 'task.blocked', data });

it('says what the event says, and otherwise its type and plain facts, but nothing of the machinery', () => {
  expect(said({ title: 'Blocked', text: 'No access.', taskId: 't-1', recipients: [{ role: 'owner' }] })).toEqual({
    title: 'Blocked',
    text: 'No access.',
    refs: { taskId: 't-1' },
  });
  const facts = said({ reason: 'no access', count: 2, nested: { deep: 1 }, recipients: [], critical: true });
  expect(facts).toEqual({ title: 'task.blocked', text: 'reason: no access\ncount: 2', refs: {} });
});

it.each([
  ['hou_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', 'an API key'],
  [`whsec_${'A'.repeat(44)}`, 'a webhook secret'],
  ['sk-ant-api03-0123456789abcdef', 'a model key'],
  ['xoxb-123456789012-abcdefghij', 'a Slack token'],
  ['https://hooks.slack.com/services/T0/B0/XYZ', 'a Slack webhook'],
  ['Authorization: Bearer 0123456789abcdefghij', 'a bearer token'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE', 'a private key'],
])('does not pass on %s', (secret) => {
  const { title, text } = said({ title: `use ${secret}`, text: `it is ${secret} and more` });
  for (const words of [title, text]) {
    expect(words).toContain('[secret removed]');
    expect(words).not.toContain(secret.split(' ').at(-1)!.slice(-12));
  }
});

it('is one line of title and a text of limited length without control signs, whatever an event says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (title, text) => {
      const notification = said({ title, text });
      expect(notification.title).toMatch(/^[^\p{Cc}]{1,200}$/u);
      expect(notification.text).not.toMatch(/[^\P{Cc}\n\t]|\u202e/u);
    }),
  );
  expect([...said({ text: '𝄞'.repeat(9_000) }).text]).toHaveLength(6_000);
  expect(said({ title: 'a\r\nBcc: everybody@example.com' }).title).toBe('a Bcc: everybody@example.com');
});

it('names every event of a digest, and is the event itself when there is only one', () => {
  const items = [
    { title: 'First', text: 'one' },
    { title: 'Second', text: '' },
  ];
  expect(digestText('task.blocked', items)).toEqual({ title: '2 × task.blocked', text: 'First\none\n\nSecond' });
  expect(digestText('task.blocked', items.slice(0, 1))).toEqual(items[0]);
});

it('counts all events of a digest, also those that it does not show', () => {
  const items = Array.from({ length: 100 }, (_, n) => ({ title: `Event ${n}`, text: 'x'.repeat(100) }));
  const { title, text } = digestText('task.blocked', items, 250);
  expect(title).toBe('250 × task.blocked');
  expect(text).toMatch(/… and 150 more$/);
  expect([...text].length).toBeLessThanOrEqual(6_000);
});
