import Check
import Foundation
import Testing

@Suite struct SafetensorsCheckTests {
  @Test func theGoldenFilesPass() {
    let report = checkSafetensors(directory: SafetensorsFixtures.directory)
    #expect(report.failures == [])
    // Every file, and two roundings for each row.
    #expect(report.passed == report.cases && report.cases > 100)
  }

  /// A check that cannot fail proves nothing.
  @Test(arguments: [
    ("cases.json", #""expect": "accept""#, #""expect": "reject""#),
    ("cases.json", #""expect": "reject""#, #""expect": "accept""#),
    ("cases.json", #""expect": "accept""#, #""expect": "maybe""#),
    ("cases.json", #""dtype": "F32""#, #""dtype": "F16""#),
    ("cases.json", #""hex": "0"#, #""hex": "1"#),
    ("cases.json", "malformed/", "nowhere/malformed/"),
    ("rounding.json", "[", "{"),
    ("rounding.json", #""3f80""#, #""3f81""#),
  ])
  func whatDiffersFails(file: String, old: String, new: String) throws {
    let folder = try ModelDirectoryTests.copy(SafetensorsFixtures.directory)
    try ModelDirectoryTests.edit(folder, file, old, new)
    let report = checkSafetensors(directory: folder.path)
    #expect(report.failed > 0, "\(old)")
  }

  @Test func aFolderWithNeitherFileFails() throws {
    let folder = try TemporaryDirectory()
    #expect(checkSafetensors(directory: folder.path).failed == 1)
  }
}
