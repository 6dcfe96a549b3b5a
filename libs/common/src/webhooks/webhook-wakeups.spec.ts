import { deliveryWakeup, withPatience } from './webhook-wakeups.js';

const due = (workspaceId: string, count: number, isFailing = false) =>
  Array.from({ length: count }, (_, n) => ({ workspaceId, isFailing, id: `${workspaceId}.${n}` }));

describe('wake-ups of deliveries', () => {
  it('that come in crowds, or go to failing endpoints, let those of other workspaces go first', () => {
    const waiting = withPatience([...due('crowd', 10_000), ...due('other', 3), ...due('third', 1, true)], 20_000);
    expect(waiting.filter(({ isPatient }) => !isPatient).map(({ workspaceId }) => workspaceId)).toEqual([
      ...Array<string>(50).fill('crowd'),
      ...Array<string>(3).fill('other'),
    ]);
  });

  it('are no more of one workspace than may be, over all pages of a sweep', () => {
    const counts = new Map<string, number>();
    const pages = [1, 2, 3].map(() => withPatience([...due('crowd', 400), ...due('other', 10)], 1_000, counts));
    expect(pages.map((page) => page.length)).toEqual([410, 410, 210]);
  });

  it('are low where they are patient, unless somebody asked for the attempt', () => {
    const one = {
      organizationId: 'o',
      workspaceId: 'w',
      deliveryId: 'd',
      endpointId: 'e',
      attemptCount: 0,
      isPatient: true,
    };
    expect(deliveryWakeup(one).priority).toBe('low');
    expect(deliveryWakeup({ ...one, isManual: true }).priority).toBeUndefined();
    expect(deliveryWakeup({ ...one, isPatient: false }).priority).toBeUndefined();
  });
});
