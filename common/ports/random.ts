export interface Random {
  /** a random UUID, lower case */
  uuid(): string;
  /** uniform in [0, 1) */
  fraction(): number;
  /** `bytes` cryptographically strong bytes as lower-case hex */
  secret(bytes: number): string;
}
