/** What happens when two service ports claim the same address, port and protocol. */
export type ConflictPolicy = 'error' | 'first'
