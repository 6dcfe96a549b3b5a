import fc from 'fast-check';
import { fillTemplate, placeholdersOf } from './message-template.js';

describe('a message template', () => {
  it('takes its values, spaces within the braces or not', () => {
    expect(fillTemplate('Hello {{name}}, {{ task.title }} waits', { name: 'Ada', 'task.title': 'Q3' })).toEqual({
      kind: 'filled',
      text: 'Hello Ada, Q3 waits',
    });
  });

  it('names every value that is missing, once', () => {
    expect(fillTemplate('{{a}} {{b}} {{a}} {{c}}', { c: '' })).toEqual({ kind: 'missing', names: ['a', 'b'] });
  });

  it('leaves alone what is no placeholder', () => {
    const text = '{name} {{}} {{ 1 }} {{a b}} {{{x';
    expect(fillTemplate(text, {})).toEqual({ kind: 'filled', text });
    expect(placeholdersOf(text)).toEqual([]);
  });

  it('finds no value in what every object has', () => {
    expect(fillTemplate('{{toString}}', {})).toEqual({ kind: 'missing', names: ['toString'] });
  });

  it('of more text than is wanted is not made, and one of just as much is', () => {
    expect(fillTemplate('{{a}}{{b}}!', { a: 'xyz', b: '' }, 4)).toEqual({ kind: 'filled', text: 'xyz!' });
    expect(fillTemplate('{{a}}{{b}}!', { a: 'xyz', b: 'w' }, 4)).toEqual({ kind: 'too_long' });
    const most = { template: '{{a}}'.repeat(13_000), values: { a: 'x'.repeat(8_000) } };
    expect(fillTemplate(most.template, most.values, 65_536)).toEqual({ kind: 'too_long' });
  });

  it('never looks into a value, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(fillTemplate('<{{a}}>', { a: value })).toEqual({ kind: 'filled', text: `<${value}>` });
      }),
      { examples: [['{{a}}'], ['$&'], ["$'"]] },
    );
  });
});
