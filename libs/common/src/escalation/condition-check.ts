import type { parse } from '@bufbuild/cel';
import { AGENT_FIELDS, type FieldType, TASK_FIELDS } from './condition-fields.js';

type Expr = ReturnType<typeof parse>['expr'];
type Type = FieldType | 'task' | 'agent' | 'other';

/** What is declared where an expression stands: the functions that there are, and the variables with their types. */
interface Scope {
  functions: ReadonlySet<string>;
  variables: ReadonlyMap<string, Type>;
}

const VARIABLES: ReadonlyMap<string, Type> = new Map<string, Type>([
  ['task', 'task'],
  ['agent', 'agent'],
  ['now', 'other'],
  ...['int', 'uint', 'double', 'bool', 'string', 'bytes', 'list', 'map', 'null_type', 'type'].map(
    (name) => [name, 'other'] as const,
  ),
]);
/** Part of the language, or made by its macros. */
const BUILT_IN: ReadonlySet<string> = new Set(['_&&_', '_||_', '_?_:_', '_[_]', '@not_strictly_false']);
const LOGIC: ReadonlySet<string> = new Set(['_&&_', '_||_', '!_']);
const BOOLEAN: ReadonlySet<string> = new Set([
  ...LOGIC,
  ...['_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '@in', '@not_strictly_false'],
  ...['bool', 'contains', 'startsWith', 'endsWith', 'matches'],
]);

class Fault extends Error {}

/** What keeps a parsed expression from being a condition: undeclared names, or a result that is not boolean. */
export function conditionFault(expr: Expr, functions: ReadonlySet<string>): string | null {
  try {
    const type = typeOf(expr, { functions, variables: VARIABLES });
    return isPossiblyBoolean(type) ? null : 'It must come to true or false.';
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

function isPossiblyBoolean(type: Type): boolean {
  return type === 'bool' || type === 'dyn';
}

function typeOf(expr: Expr | undefined, scope: Scope): Type {
  const kind = expr?.exprKind;
  switch (kind?.case) {
    case 'constExpr':
      return kind.value.constantKind.case === 'boolValue' ? 'bool' : 'other';
    case 'identExpr':
      return variable(kind.value.name, scope);
    case 'selectExpr':
      return field(typeOf(kind.value.operand, scope), kind.value.field, kind.value.testOnly);
    case 'callExpr':
      return call(kind.value, scope);
    case 'listExpr':
      kind.value.elements.forEach((element) => typeOf(element, scope));
      return 'other';
    case 'structExpr':
      return struct(kind.value, scope);
    case 'comprehensionExpr':
      return comprehension(kind.value, scope);
    case undefined:
      throw new Fault('It is empty.');
  }
}

function variable(name: string, { variables }: Scope): Type {
  const type = variables.get(name);
  if (type === undefined) throw new Fault(`There is no variable ${name}; there are task, agent and now.`);
  return type;
}

function field(owner: Type, name: string, isTest: boolean): Type {
  if (owner !== 'task' && owner !== 'agent') return isTest ? 'bool' : owner === 'dyn' ? 'dyn' : 'other';
  const type = (owner === 'task' ? TASK_FIELDS : AGENT_FIELDS).get(name);
  if (type === undefined) throw new Fault(`${owner} has no field ${name.slice(0, 50)}.`);
  return isTest ? 'bool' : type;
}

function call({ function: name, target, args }: CallOf<Expr>, scope: Scope): Type {
  if (!scope.functions.has(name) && !BUILT_IN.has(name)) throw new Fault(`There is no function ${name.slice(0, 50)}.`);
  if (target) typeOf(target, scope);
  const types = args.map((arg) => typeOf(arg, scope));
  if (LOGIC.has(name) && !types.every(isPossiblyBoolean)) throw new Fault('&&, || and ! join what is true or false.');
  if (BOOLEAN.has(name)) return 'bool';
  if (name === '_?_:_') return types[1] === types[2] ? (types[1] ?? 'dyn') : 'dyn';
  return name === '_[_]' || name === 'dyn' ? 'dyn' : 'other';
}

function struct({ messageName, entries }: StructOf<Expr>, scope: Scope): Type {
  if (messageName !== '') throw new Fault(`There is no type ${messageName.slice(0, 50)}.`);
  for (const { keyKind, value } of entries) {
    if (keyKind.case === 'mapKey') typeOf(keyKind.value, scope);
    typeOf(value, scope);
  }
  return 'other';
}

function comprehension(loop: LoopOf<Expr>, scope: Scope): Type {
  typeOf(loop.iterRange, scope);
  const variables = new Map(scope.variables);
  variables.set(loop.accuVar, typeOf(loop.accuInit, scope));
  variables.set(loop.iterVar, 'dyn');
  if (loop.iterVar2 !== '') variables.set(loop.iterVar2, 'dyn');
  const inner = { ...scope, variables };
  typeOf(loop.loopCondition, inner);
  typeOf(loop.loopStep, inner);
  return typeOf(loop.result, inner);
}

type KindOf<E extends Expr, Case> =
  Extract<E['exprKind'], { case: Case }> extends { value: infer Value } ? Value : never;
type CallOf<E extends Expr> = KindOf<E, 'callExpr'>;
type StructOf<E extends Expr> = KindOf<E, 'structExpr'>;
type LoopOf<E extends Expr> = KindOf<E, 'comprehensionExpr'>;
