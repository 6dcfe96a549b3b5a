import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { SERVER_FRAMES } from './frame-examples.js';
import { readFrame } from './read-frame.js';

const CLIENT_TYPES = ['hello', 'ack', 'heartbeat', 'result', 'fail', 'block', 'release'];

describe('frames', () => {
  const text = readFileSync(path.join(process.cwd(), 'docs', 'agents.md'), 'utf8');
  const documented = [...text.matchAll(/```json\n([\s\S]+?)\n```/g)].map((match) => match[1]!);
  const typeOf = (frame: string) => (JSON.parse(frame) as { type: string }).type;

  it('are documented with one example each, and those of agents are understood as they stand there', () => {
    const byAgents = documented.filter((frame) => CLIENT_TYPES.includes(typeOf(frame)));
    expect(byAgents.map(typeOf)).toEqual(CLIENT_TYPES);
    expect(byAgents.map(readFrame).map(({ kind }) => kind)).toEqual(CLIENT_TYPES.map(() => 'frame'));
  });

  it('of Houston are the same in the document and in Swagger', () => {
    const byHouston = documented.filter((frame) => !CLIENT_TYPES.includes(typeOf(frame)));
    expect(byHouston.map((frame) => JSON.parse(frame) as unknown)).toEqual(SERVER_FRAMES);
  });

  it('name what is wrong and where', () => {
    const reading = readFrame('{"type":"ack","taskId":"0199b0a4-c1d2-7000-a1b2-c3d4e5f60718","lease":{"id":"x"}}');
    expect(reading).toMatchObject({
      kind: 'fault',
      re: 'ack',
      taskId: '0199b0a4-c1d2-7000-a1b2-c3d4e5f60718',
      problem: { code: 'invalid_values', errors: [{ path: 'lease.id' }, { path: 'lease.fence' }] },
    });
  });

  it('never throw, whatever is said', () => {
    const json = fc.json({ maxDepth: 6 });
    const odd = fc.record(
      { type: fc.oneof(fc.constantFrom(...CLIENT_TYPES), fc.string()), lease: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          json,
          odd.map((frame) => JSON.stringify(frame)),
        ),
        (frame) => {
          expect(['frame', 'fault']).toContain(readFrame(frame).kind);
        },
      ),
      { numRuns: 500 },
    );
  });
});
