import fc from 'fast-check';
import { workflowFault, type WorkflowStep } from './workflow.js';

describe('a list of steps', () => {
  it('is a workflow when every step can have its turn', () => {
    const steps = [{ key: 'c', dependsOn: ['a', 'b'] }, { key: 'a' }, { key: 'b', dependsOn: ['a'] }];
    expect(workflowFault(steps)).toBeNull();
  });

  it.each<[string, WorkflowStep[], object]>([
    ['whose key stands there twice', [{ key: 'a' }, { key: 'a' }], { at: 1, field: 'key' }],
    ['that waits for nobody', [{ key: 'a', dependsOn: ['b'] }], { at: 0, field: 'dependsOn' }],
    ['that waits for itself', [{ key: 'a', dependsOn: ['a'] }], { at: 0, field: 'dependsOn' }],
    [
      'in a circle, not one that waits for the circle',
      [
        { key: 'c', dependsOn: ['b'] },
        { key: 'a', dependsOn: ['b'] },
        { key: 'b', dependsOn: ['a'] },
      ],
      { at: 1, field: 'dependsOn' },
    ],
  ])('names the one %s', (_what, steps, fault) => {
    expect(workflowFault(steps)).toMatchObject(fault);
  });

  it('without a fault can be done in some order, with one it cannot', () => {
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const list = fc.uniqueArray(
      fc.record({ key: fc.constantFrom(...keys), dependsOn: fc.subarray(keys, { maxLength: 2 }) }),
      { selector: ({ key }) => key, minLength: 1 },
    );
    fc.assert(
      fc.property(list, (steps) => {
        const done = new Set<string>();
        for (let turn = 0; turn < steps.length; turn += 1) {
          for (const { key, dependsOn } of steps) if (dependsOn.every((other) => done.has(other))) done.add(key);
        }
        expect(workflowFault(steps) === null).toBe(done.size === steps.length);
      }),
    );
  });
});
