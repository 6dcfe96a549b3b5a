import { setFlagsFromString } from 'node:v8';

// V8 carries an engine that matches in linear time; it must be switched on before the first pattern asks for it.
setFlagsFromString('--enable-experimental-regexp-engine');

/** The flag that asks for that engine; an expression it cannot match in linear time is refused. */
const LINEAR = 'l';

/**
 * A regular expression of a stranger, which matches in time linear in the text, however it is written.
 *
 * @throws SyntaxError when it is no expression, or needs back references, look-around or Unicode properties
 */
export function linearPattern(source: string): RegExp {
  if (/\\[pPk]/.test(source)) throw new SyntaxError('Unicode properties and named references are not supported');
  return new RegExp(source, LINEAR);
}
