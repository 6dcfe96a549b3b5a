import { Matches } from 'class-validator';

/** A text that says something: blanks alone are as good as none. @param of `each`: every one of a list */
export function NotBlank(of: { each?: boolean } = {}): PropertyDecorator {
  const subject = of.each ? 'each value in $property' : '$property';
  return Matches(/\S/, { ...of, message: `${subject} must not be blank` });
}
