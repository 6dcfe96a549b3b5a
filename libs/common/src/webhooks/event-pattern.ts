const NOUN = /^[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*$/;
const VERB_FORM = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
const MAX_LENGTH = 100;

/** Whether `text` can select events: `*`, `budget.*`, or one type such as `budget.frozen`. */
export function isEventPattern(text: string): boolean {
  if (text === '*') return true;
  const [noun = '', verb = '', ...more] = text.split('.');
  return text.length <= MAX_LENGTH && more.length === 0 && NOUN.test(noun) && (verb === '*' || VERB_FORM.test(verb));
}

/** Whether one of `patterns` selects events of this type. */
export function selectsEvent(patterns: readonly string[], type: string): boolean {
  const noun = type.slice(0, type.indexOf('.'));
  return patterns.some((pattern) => pattern === '*' || pattern === type || pattern === `${noun}.*`);
}
