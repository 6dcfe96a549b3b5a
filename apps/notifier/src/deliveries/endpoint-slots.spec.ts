import fc from 'fast-check';
import { EndpointSlots } from './endpoint-slots.js';

const FAILED = { succeeded: false, durationMs: 15_000 };
const SUCCEEDED = { succeeded: true, durationMs: 10 };
const slotsNow = () =>
  new EndpointSlots(
    () => 1_000_000,
    () => 0,
  );

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Takes until it is sent away. @returns how many it got */
async function fill(slots: EndpointSlots): Promise<number> {
  let taken = 0;
  while ((await slots.take('a')) === 0) taken += 1;
  return taken;
}

test('an endpoint that nobody knows gets two attempts at a time, and others are not touched by it', async () => {
  const slots = slotsNow();
  expect(await fill(slots)).toBe(2);
  expect(await slots.take('b')).toBe(0);
});

test('an endpoint that succeeded gets eight, and is back at two after a failure, also when it was idle between', async () => {
  const slots = slotsNow();
  await slots.take('a');
  slots.release('a', SUCCEEDED);
  expect(await fill(slots)).toBe(8);
  for (let count = 0; count < 8; count += 1) slots.release('a', FAILED);
  expect(await fill(slots)).toBe(2);
});

test('whoever waits gets the slot that is given back, in the order of coming', async () => {
  const slots = slotsNow();
  await slots.take('a');
  await slots.take('a');
  const order: number[] = [];
  const waiting = [1, 2, 3].map((one) => slots.take('a').then((waitMs) => order.push(waitMs === 0 ? one : -one)));
  slots.release('a', FAILED);
  slots.release('a', SUCCEEDED);
  await Promise.all(waiting);
  expect(order).toEqual([1, 2, 3]);
});

test('nobody waits for an endpoint that is known to fail: all are sent away at once, spread, for a minute at the most', async () => {
  const slots = slotsNow();
  await slots.take('a');
  slots.release('a', FAILED);
  await fill(slots);
  const waits = await Promise.all(Array.from({ length: 20 }, () => slots.take('a')));
  expect(waits.slice(0, 3)).toEqual([15_000, 22_500, 30_000]);
  expect(Math.max(...waits)).toBe(60_000);
});

test('an endpoint that answers after all is not kept idle by what was promised while nobody knew it', async () => {
  const slots = slotsNow();
  await fill(slots);
  expect(await slots.take('a')).toBeGreaterThan(500);
  slots.release('a', SUCCEEDED);
  await fill(slots);
  expect(await slots.take('a')).toBeLessThan(50);
});

test('an endpoint that asked to be left alone is, by all, for as long as it asked, and not by those who wait in line', async () => {
  let nowMs = 1_000_000;
  const slots = new EndpointSlots(
    () => nowMs,
    () => 0,
  );
  await slots.take('a');
  await slots.take('a');
  const inLine = slots.take('a');
  slots.release('a', { succeeded: false, durationMs: 10, restMs: 20_000 });
  slots.release('a', SUCCEEDED);
  expect(await inLine).toBeGreaterThanOrEqual(20_000);
  expect(await slots.take('a')).toBeGreaterThanOrEqual(20_000);
  expect(await slots.take('b')).toBe(0);
  nowMs += 20_001;
  expect(await slots.take('a')).toBe(0);
  slots.release('a', { succeeded: false, durationMs: 10, restMs: 365 * 86_400_000 });
  nowMs += 300_001;
  expect(await slots.take('a')).toBe(0);
});

test('a slot that was never taken cannot be given back', () => {
  expect(() => slotsNow().release('a', null)).toThrow(/endpoint a/);
});

test('never are more than eight in flight, whatever comes back, and nothing stays blocked', async () => {
  const step = fc.record({ comes: fc.boolean(), succeeded: fc.boolean(), durationMs: fc.nat(15_000) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const slots = slotsNow();
      let inFlight = 0;
      const coming: Promise<void>[] = [];
      for (const one of steps) {
        if (one.comes) coming.push(slots.take('a').then((waitMs) => void (inFlight += waitMs === 0 ? 1 : 0)));
        await settled();
        expect(inFlight).toBeLessThanOrEqual(8);
        if (one.comes || inFlight === 0) continue;
        inFlight -= 1;
        slots.release('a', one);
      }
      // A slot that is given back goes to whoever waits, who then gives it back as well.
      for (await settled(); inFlight > 0; await settled()) {
        inFlight -= 1;
        slots.release('a', SUCCEEDED);
      }
      await Promise.all(coming);
      expect(await slots.take('a')).toBe(0);
    }),
    { numRuns: 50 },
  );
});

describe('ten thousand dead endpoints of one workspace', () => {
  it('get no more than their share of the places, and are each given a time of their own', async () => {
    const slots = slotsNow();
    const waits = [];
    for (let endpoint = 0; endpoint < 10_000; endpoint += 1) waits.push(await slots.take(`dead ${endpoint}`, 'w1'));
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(30);
    const sentAway = waits.filter((waitMs) => waitMs > 0);
    expect(sentAway).toEqual([...sentAway].sort((a, b) => a - b));
    // A second each, thirty at a time.
    expect(sentAway.at(-1)! / 1_000).toBeCloseTo(9_970 / 30, 0);
  });

  it('learn from how long the attempts take, also those that are not over yet', async () => {
    let nowMs = 0;
    const slots = new EndpointSlots(
      () => nowMs,
      () => 0,
    );
    for (let endpoint = 0; endpoint < 30; endpoint += 1) await slots.take(`d ${endpoint}`, 'w1');
    nowMs = 12_000;
    expect(await slots.take('one more', 'w1')).toBe(400);
    for (let endpoint = 0; endpoint < 29; endpoint += 1) slots.release(`d ${endpoint}`, FAILED, 'w1');
    for (let endpoint = 0; endpoint < 29; endpoint += 1) await slots.take(`e ${endpoint}`, 'w1');
    expect(await slots.take('yet one', 'w1')).toBeGreaterThan(800);
  });

  it('keep no other workspace waiting, nor an endpoint of their own that answers', async () => {
    const slots = slotsNow();
    expect(await slots.take('alive', 'w1')).toBe(0);
    slots.release('alive', SUCCEEDED, 'w1');
    for (let endpoint = 0; endpoint < 10_000; endpoint += 1) await slots.take(`dead ${endpoint}`, 'w1');
    for (let endpoint = 0; endpoint < 15; endpoint += 1) expect(await slots.take(`new ${endpoint}`, 'w2')).toBe(0);
    expect(await slots.take('alive', 'w1')).toBe(0);
  });

  it('of a hundred workspaces leave places for those that answer, and for whoever comes newly', async () => {
    const slots = slotsNow();
    let taken = 0;
    for (let endpoint = 0; endpoint < 50; endpoint += 1) {
      for (let workspace = 0; workspace < 70; workspace += 1) {
        if ((await slots.take(`dead ${workspace} ${endpoint}`, `w${workspace}`)) === 0) taken += 1;
      }
    }
    expect(taken).toBe(70);
    expect(await slots.take('new', 'newcomer')).toBe(0);
    for (let workspace = 0; workspace < 100; workspace += 1) await slots.take(`more ${workspace}`, `x${workspace}`);
    expect(await slots.take('late', 'latecomer')).toBeGreaterThan(0);
  });

  it('give their places back, and then find room again', async () => {
    const slots = slotsNow();
    for (let round = 0; round < 3; round += 1) {
      for (let endpoint = 0; endpoint < 30; endpoint += 1) expect(await slots.take(`d ${endpoint}`, 'w1')).toBe(0);
      expect(await slots.take('one more', 'w1')).toBeGreaterThan(0);
      for (let endpoint = 0; endpoint < 30; endpoint += 1) slots.release(`d ${endpoint}`, FAILED, 'w1');
    }
  });
});
