/** The dummy interface that holds the addresses of Services. */
export const DUMMY_INTERFACE = 'kube-ipvs0'
