/**
 * How a test client says that the test is wrong, and not the program.
 *
 * @since 0.1.0
 */

/**
 * A mistake of the test, as the defect with which its call dies.
 *
 * @since 0.1.0
 */
export class TestFailure extends Error {
  override readonly name = "OpenRouterTest"
}
