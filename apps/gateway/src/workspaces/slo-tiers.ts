import { registerDecorator } from 'class-validator';
import { isSloTiers, SLO_TIERS } from '@houston/common/domain/workspace-settings.js';

const MESSAGE = `Give at most ${SLO_TIERS.most} names with whole seconds from 1 to ${SLO_TIERS.mostSeconds}.`;

/** Service levels by name. */
export function IsSloTiers(): PropertyDecorator {
  return (target, propertyName) =>
    registerDecorator({
      name: 'isSloTiers',
      target: target.constructor,
      propertyName: propertyName as string,
      validator: { validate: isSloTiers, defaultMessage: () => MESSAGE },
    });
}
