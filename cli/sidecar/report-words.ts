import type { Report } from './hub.js';

/** A report as the worker protocol words it, over any wire. */
export function wordsOf(report: Report): { verb: 'complete' | 'fail' | 'release'; body: Record<string, unknown> } {
  switch (report.kind) {
    case 'complete': {
      const { result, evidence, outcome, usage } = report;
      return { verb: 'complete', body: { result, evidence, outcome, usage } };
    }
    case 'fail': {
      const { failure, error, errorType, resetsAt, provider } = report;
      return { verb: 'fail', body: { kind: failure, error, errorType, resetsAt, provider } };
    }
    case 'release':
      return { verb: 'release', body: { reason: report.reason } };
  }
}
