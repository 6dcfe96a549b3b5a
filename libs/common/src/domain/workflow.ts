/** A task of a workflow, as far as the others go. */
export interface WorkflowStep {
  readonly key: string;
  /** Keys of what must be done first. */
  readonly dependsOn?: readonly string[];
}

export interface WorkflowFault {
  /** Place of the step in the list, from 0. */
  readonly at: number;
  readonly field: 'key' | 'dependsOn';
  readonly message: string;
}

/** What keeps a list of steps from being a workflow: a key that stands there twice or is unknown, a circle; null: nothing. */
export function workflowFault(steps: readonly WorkflowStep[]): WorkflowFault | null {
  const places = new Map<string, number>();
  for (const [at, { key }] of steps.entries()) {
    if (places.has(key)) return { at, field: 'key', message: `The key ${key} stands here twice.` };
    places.set(key, at);
  }
  for (const [at, { dependsOn = [] }] of steps.entries()) {
    const unknown = dependsOn.find((key) => !places.has(key));
    if (unknown !== undefined) return { at, field: 'dependsOn', message: `No task here has the key ${unknown}.` };
  }
  const waits = new Map(steps.map(({ key, dependsOn = [] }) => [key, dependsOn]));
  const at = steps.findIndex(({ key }) => waitsForItself(waits, key));
  return at < 0 ? null : { at, field: 'dependsOn', message: `The task ${steps[at]!.key} would wait for itself.` };
}

/** Through whatever others. */
function waitsForItself(waits: ReadonlyMap<string, readonly string[]>, key: string): boolean {
  const seen = new Set<string>();
  const ahead = [...(waits.get(key) ?? [])];
  for (let step = ahead.pop(); step !== undefined; step = ahead.pop()) {
    if (step === key) return true;
    if (seen.has(step)) continue;
    seen.add(step);
    ahead.push(...(waits.get(step) ?? []));
  }
  return false;
}
