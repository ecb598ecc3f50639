// The version of all of Corral's packages: they are released together.
export const version = '0.1.0';
