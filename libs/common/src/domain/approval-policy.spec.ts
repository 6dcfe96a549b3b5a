import fc from 'fast-check';
import {
  APPROVAL_THRESHOLDS,
  type ApprovalQuestion,
  type ApprovalThresholds,
  judgeApproval,
  type Risk,
  RISKS,
  strictness,
} from './approval-policy.js';

const judge = (question: Partial<ApprovalQuestion>, thresholds = APPROVAL_THRESHOLDS) =>
  judgeApproval({ risk: 'low', confidence: 95, isExternal: false, ...question }, thresholds).policy;

const questions: fc.Arbitrary<ApprovalQuestion> = fc.record({
  risk: fc.constantFrom<Risk>(...RISKS),
  confidence: fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
  isExternal: fc.boolean(),
});
const percent = fc.integer({ min: 0, max: 100 });
const thresholds: fc.Arbitrary<ApprovalThresholds> = fc.record({ autoApproveAbove: percent, blockBelow: percent });
const strict = (question: ApprovalQuestion, limits: ApprovalThresholds) =>
  strictness(judgeApproval(question, limits).policy);

describe('the policy for approvals', () => {
  it.each<[string, Partial<ApprovalQuestion>, string]>([
    ['low risk and more than 80 sure', { confidence: 80.01 }, 'auto_approved'],
    ['low risk and 80 sure', { confidence: 80 }, 'pending'],
    ['low risk and 60 sure', { confidence: 60 }, 'pending'],
    ['low risk and less than 60 sure', { confidence: 59.99 }, 'blocked'],
    ['low risk and not a word of how sure', { confidence: null }, 'pending'],
    ['medium risk, however sure', { risk: 'medium', confidence: 100 }, 'pending'],
    ['high risk, however sure', { risk: 'high', confidence: 100 }, 'blocked'],
    ['external, however sure', { isExternal: true, confidence: 100 }, 'pending'],
    ['external and unsure', { isExternal: true, confidence: 10 }, 'blocked'],
    ['medium risk and unsure', { risk: 'medium', confidence: 10 }, 'blocked'],
  ])('answers %s', (_, question, expected) => {
    expect(judge(question)).toBe(expected);
  });

  it('names the rules of the strictest kind that hold, and none of the milder', () => {
    const question = { risk: 'high', confidence: 5, isExternal: true } as const;
    expect(judgeApproval(question, APPROVAL_THRESHOLDS).reasons).toEqual(['high_risk', 'low_confidence']);
    expect(judgeApproval({ risk: 'low', confidence: 99, isExternal: false }, APPROVAL_THRESHOLDS).reasons).toEqual([]);
  });

  it('keeps to the thresholds of the workspace, the strictest rule first where they cross', () => {
    expect(judge({ confidence: 91 }, { autoApproveAbove: 90, blockBelow: 20 })).toBe('auto_approved');
    expect(judge({ confidence: 85 }, { autoApproveAbove: 90, blockBelow: 20 })).toBe('pending');
    expect(judge({ confidence: 70 }, { autoApproveAbove: 50, blockBelow: 75 })).toBe('blocked');
  });

  it('never gets milder when the risk rises, the confidence falls or it reaches outside', () => {
    fc.assert(
      fc.property(questions, thresholds, fc.double({ min: 0, max: 100, noNaN: true }), (question, limits, less) => {
        const before = strict(question, limits);
        const riskier = RISKS.slice(RISKS.indexOf(question.risk));
        for (const risk of riskier) expect(strict({ ...question, risk }, limits)).toBeGreaterThanOrEqual(before);
        expect(strict({ ...question, isExternal: true }, limits)).toBeGreaterThanOrEqual(before);
        if (question.confidence === null) return;
        const confidence = Math.min(less, question.confidence);
        expect(strict({ ...question, confidence }, limits)).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it('never gets milder when a threshold rises', () => {
    fc.assert(
      fc.property(questions, thresholds, percent, (question, limits, more) => {
        const before = strict(question, limits);
        const { autoApproveAbove, blockBelow } = limits;
        const raised = [
          { autoApproveAbove: Math.max(autoApproveAbove, more), blockBelow },
          { autoApproveAbove, blockBelow: Math.max(blockBelow, more) },
        ];
        for (const one of raised) expect(strict(question, one)).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it('lets nothing pass by itself but what is low, internal and sure', () => {
    fc.assert(
      fc.property(questions, thresholds, (question, limits) => {
        const passes = judgeApproval(question, limits).policy === 'auto_approved';
        const { risk, confidence, isExternal } = question;
        const isHarmless = risk === 'low' && !isExternal && confidence !== null;
        expect(passes).toBe(isHarmless && confidence > limits.autoApproveAbove && confidence >= limits.blockBelow);
      }),
    );
  });
});
