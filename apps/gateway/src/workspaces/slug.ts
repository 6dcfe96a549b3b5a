import { looksLikeId } from '../http/uuid.js';

const MAX_LENGTH = 63;

/** A slug made from a name: "Équipe Données" becomes "equipe-donnees". Null where nothing usable is left. */
export function slugOf(name: string): string | null {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH + 1)
    .replace(/^-+|-+$/g, '')
    .slice(0, MAX_LENGTH);
  return slug === '' || looksLikeId(slug) ? null : slug;
}
