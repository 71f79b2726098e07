import Files
import Foundation
import Testing

@Suite struct SystemCauseTests {
  @Test func foundationsErrorsAreTracedToTheSystems() throws {
    let path = NSTemporaryDirectory() + "/none-\(UUID().uuidString)"
    let error = try #require(throws: CocoaError.self) {
      try FileManager.default.removeItem(atPath: path)
    }
    #expect(SystemCause(of: error) == SystemCause(ENOENT))
    #expect(SystemCause(of: CocoaError(.fileWriteUnknown)) == nil)
  }

  @Test func aDiskIsToBlameOrNot() {
    #expect(SystemCause(ENOSPC).reason == "No space left on device")
    #expect(SystemCause(ENOSPC).remedy?.contains("room") == true)
    #expect(SystemCause(EIO).remedy?.contains("disk") == true)
    #expect(SystemCause(EACCES).remedy == nil)
  }
}
