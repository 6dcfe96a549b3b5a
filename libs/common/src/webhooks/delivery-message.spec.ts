import { deliveryBody, messageId } from './delivery-message.js';

const event = {
  id: '01990000-0000-7000-8000-000000000001',
  type: 'budget.frozen',
  time: new Date('2026-11-21T10:00:00.123Z'),
  subject: 'budget:b1',
  data: { name: 'Zürich' },
};

test('the body is thin: type, timestamp and data', () => {
  expect(deliveryBody(event)).toBe(
    '{"type":"budget.frozen","timestamp":"2026-11-21T10:00:00.123Z","data":{"name":"Zürich"}}',
  );
});

test('data beyond 20 kB is left out, and the receiver is told what to fetch', () => {
  const body = deliveryBody({ ...event, data: { text: 'é'.repeat(10_000) } });
  expect(Buffer.byteLength(body)).toBeLessThan(300);
  expect(JSON.parse(body)).toMatchObject({
    type: 'budget.frozen',
    data: { eventId: event.id, subject: 'budget:b1', truncated: true },
  });
});

test('a body of exactly the limit is sent whole', () => {
  const rest = 20_000 - Buffer.byteLength(deliveryBody({ ...event, data: { text: '' } }));
  expect(Buffer.byteLength(deliveryBody({ ...event, data: { text: 'a'.repeat(rest) } }))).toBe(20_000);
  expect(deliveryBody({ ...event, data: { text: 'a'.repeat(rest + 1) } })).toContain('truncated');
});

test('the message id is the event id without dashes', () => {
  expect(messageId(event.id)).toBe('msg_01990000000070008000000000000001');
});
