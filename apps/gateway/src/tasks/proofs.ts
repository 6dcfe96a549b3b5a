import type { Need } from '@houston/common/domain/task-states.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import { Problem } from '../http/problem.js';
import { resultFaults } from './output-schema.js';

/** @throws Problem blocker_reason_required, evidence_required when something is missing */
export function requireProofs(missing: Need | null): void {
  switch (missing) {
    case null:
      return;
    case 'blocker_reason':
      throw new Problem('blocker_reason_required', {
        errors: [{ path: 'blockerReason', message: 'Say what it waits for.' }],
      });
    case 'completion':
      throw new Problem('evidence_required', {
        detail: 'A review needs a completion message, a document or a result.',
        errors: [{ path: 'message', message: 'Say what was done, give evidenceRef, or write a document.' }],
      });
    case 'evidence':
      throw new Problem('evidence_required', {
        detail: 'A task is done when it has a result, evidence, evidenceRef or a document.',
        errors: [{ path: 'evidenceRef', message: 'Give a result, evidence or evidenceRef, or write a document.' }],
      });
  }
}

/** @throws Problem output_schema_mismatch when the result does not have the shape that the task asks for */
export function requireShape(task: Pick<TaskRow, 'output_schema'>, result: unknown): void {
  if (task.output_schema === null) return;
  const errors = resultFaults(task.output_schema, result ?? null);
  if (errors.length === 0) return;
  throw new Problem('output_schema_mismatch', {
    detail: errors.map((fault) => `${fault.path}: ${fault.message}`).join('; '),
    errors,
  });
}
