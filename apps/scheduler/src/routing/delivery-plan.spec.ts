import fc from 'fast-check';
import { anEvent } from '../../../../test/factories/event.js';
import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import { type FanOut, pageOf, planDeliveries, type RoutedEndpoint } from './delivery-plan.js';

const WORKSPACE = 'w';
const PATTERNS = [['*'], ['budget.*'], ['task.created']];
const TYPES = ['budget.frozen', 'task.created', 'agent.updated', 'key.created'];

const endpoint = (n: number, events: string[]): RoutedEndpoint => ({
  workspaceId: WORKSPACE,
  id: String(n).padStart(4, '0'),
  events,
  isFailing: false,
});
const event = (n: number, type: string, isOfAll: boolean): LedgerEvent => ({
  ...anEvent(),
  id: `e${n}`,
  position: '1',
  seq: String(n),
  time: new Date(0),
  workspaceId: isOfAll ? null : WORKSPACE,
  type,
  data: {},
});

/** Tells everybody, as the relay and then the fan-out do. @returns who was told of what, and how many at most at once */
function tellAll(endpoints: RoutedEndpoint[], events: LedgerEvent[], size: number, most: number) {
  const told: string[] = [];
  let mostAtOnce = 0;
  const tell = (after: string | null, some: LedgerEvent[]): FanOut[] => {
    const found = endpoints.filter(({ id }) => after === null || id > after).slice(0, size + 1);
    const plan = planDeliveries(pageOf(WORKSPACE, after, found, size), some, most);
    told.push(...plan.told.map((one) => `${one.event.id} ${one.endpoint.id}`));
    mostAtOnce = Math.max(mostAtOnce, plan.told.length);
    return plan.left;
  };
  let left = tell(null, events);
  for (let turns = 0; left.length > 0; turns += 1) {
    if (turns > 10_000) throw new Error('The fan-out never ends');
    left.sort((a, b) => Number(a.event.seq) - Number(b.event.seq));
    const [{ afterEndpointId }] = left as [FanOut];
    const taken = left.filter((one) => one.afterEndpointId === afterEndpointId).slice(0, 3);
    left = left.filter((one) => !taken.includes(one));
    left.push(
      ...tell(
        afterEndpointId,
        taken.map((one) => one.event),
      ),
    );
  }
  return { told, mostAtOnce };
}

describe('the plan of deliveries', () => {
  it('tells each endpoint of each event that it selects exactly once, however they are cut into pages', () => {
    const worlds = fc.record({
      endpoints: fc.array(fc.constantFrom(...PATTERNS), { maxLength: 30 }),
      events: fc.array(fc.tuple(fc.constantFrom(...TYPES), fc.boolean()), { maxLength: 12 }),
      size: fc.integer({ min: 1, max: 12 }),
      most: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(worlds, ({ endpoints: patterns, events: kinds, size, most }) => {
        const endpoints = patterns.map((events, n) => endpoint(n, events));
        const events = kinds.map(([type, isOfAll], n) => event(n, type, isOfAll));
        const { told, mostAtOnce } = tellAll(endpoints, events, size, most);
        const whole = planDeliveries(pageOf(WORKSPACE, null, endpoints, 100), events, Number.POSITIVE_INFINITY);
        expect(whole.left).toEqual([]);
        expect(told.sort()).toEqual(whole.told.map((one) => `${one.event.id} ${one.endpoint.id}`).sort());
        expect(mostAtOnce).toBeLessThan(most + size);
      }),
    );
  });

  it('leaves nothing for later of which nobody is to be told', () => {
    const page = pageOf(WORKSPACE, null, [endpoint(1, ['budget.*'])], 10);
    const events = [event(1, 'budget.frozen', false), event(2, 'task.created', false), event(3, 'key.created', true)];
    expect(planDeliveries(page, events, 1).left).toEqual([]);
  });
});
