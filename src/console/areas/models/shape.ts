import { models as t } from '../../texts/models.ts'

/** `first`: what an open first dimension is called. */
export const shapeText = (dims: (number | null)[], first: string = t.any): string =>
  `[${dims.map((dim, i) => dim ?? (i === 0 ? first : t.any)).join(', ')}]`
