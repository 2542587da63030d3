/**
 * Who may do what with a thing. The twin asks here before it answers; what a policy is, is none of its
 * business.
 */

/** Decides for all subjects of a signal together: one that may is enough. */
export interface PolicyEnforcer {
  /** Whether the subjects may change what is at the pointer (segments from the root of the thing). */
  mayWrite(subjects: readonly string[], policyId: string, pointer: readonly string[]): boolean
  /** Whether the subjects may see what is at the pointer, all of it. */
  mayRead(subjects: readonly string[], policyId: string, pointer: readonly string[]): boolean
}

/** Every subject may do everything: what holds until policies can be stored. */
export const permissivePolicy: PolicyEnforcer = {
  mayWrite: () => true,
  mayRead: () => true,
}
