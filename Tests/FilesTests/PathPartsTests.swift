import Files
import Testing

@Suite struct PathPartsTests {
  @Test(arguments: [
    ("r", ".", "r"), ("", ".", ""), ("/", "/", "/"), ("//", "/", "/"), ("/r", "/", "r"),
    ("r/", ".", "r"), ("a/r", "a", "r"), ("a//r//", "a", "r"), ("./r", ".", "r"),
    ("/a/b/r", "/a/b", "r"), ("a/é", "a", "é"), ("..", ".", ".."),
  ])
  func aPathHasAFolderAndAName(path: String, folder: String, name: String) {
    #expect(PathParts.folder(of: path) == folder)
    #expect(PathParts.name(of: path) == name)
  }

  @Test func whatStandsBesideIsWrittenAsThePathIs() {
    #expect(PathParts.path("n", beside: "r") == "n")
    #expect(PathParts.path("n", beside: "./r") == "./n")
    #expect(PathParts.path("n", beside: "/r") == "/n")
    #expect(PathParts.path("../n", beside: "a/r") == "a/../n")
  }
}
