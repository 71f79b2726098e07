import Glibc

/// Pages of an LMDB data file by `pread`, past the map: whatever the file holds, the worst that
/// comes of reading it is an error.
@safe final class PageReader {
  let path: String
  let pageSize: Int
  /// Pages in use: none at or above this number belongs to the snapshot.
  let pages: UInt64
  private let file: Int32

  /// Overflow pages (`P_OVERFLOW`) have a header on the first page alone.
  private static let overflowFlag: UInt16 = 0x04

  init(_ path: String, pageSize: Int, pages: UInt64) throws(QueueError) {
    file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .system(errno, at: path, doing: "open") }
    self.path = path
    self.pageSize = pageSize
    self.pages = pages
  }

  deinit { close(file) }

  /// The bytes of one page.
  func bytes(_ number: UInt64) throws(QueueError) -> [UInt8] {
    guard number >= 2, number < pages else {
      throw .damaged(path, "names page \(number), where \(pages) are in use")
    }
    let bytes = try readBytes(file, at: Int(number) * pageSize, count: pageSize, path: path)
    guard bytes.count == pageSize else { throw .damaged(path, "truncated inside page \(number)") }
    return bytes
  }

  /// A page that must be a branch or a leaf.
  func tree(_ number: UInt64) throws(QueueError) -> TreePage {
    do throws(TreePage.Fault) {
      return try TreePage(try readOnce(number), number: number)
    } catch {
      throw .damaged(path, "page \(number): \(error.problem)")
    }
  }

  /// Reading errors are none of the page's; they pass as they are.
  private func readOnce(_ number: UInt64) throws(TreePage.Fault) -> [UInt8] {
    do throws(QueueError) { return try bytes(number) } catch {
      throw TreePage.Fault(problem: error.problem)
    }
  }

  /// How many pages a value takes that starts on `first`, from its first page's header.
  func overflowPages(_ first: UInt64, length: Int) throws(QueueError) -> UInt64 {
    guard first >= 2, first < pages else {
      throw .damaged(path, "a value starts on page \(first), where \(pages) are in use")
    }
    let header = try readBytes(
      file, at: Int(first) * pageSize, count: TreePage.headerLength, path: path)
    guard header.count == TreePage.headerLength, littleEndian(header, at: 0) as UInt64 == first,
      littleEndian(header, at: 10) as UInt16 == Self.overflowFlag
    else { throw .damaged(path, "page \(first): no value of several pages starts here") }
    let count = UInt64(littleEndian(header, at: 12) as UInt32)
    let needed = UInt64(TreePage.headerLength + length + pageSize - 1) / UInt64(pageSize)
    guard count >= needed, count <= pages - first else {
      throw .damaged(
        path, "page \(first): a value of \(length) bytes on \(count) pages, of \(pages) in use")
    }
    return count
  }

  /// A value's bytes.
  func value(_ node: TreePage.Node, of page: TreePage) throws(QueueError) -> [UInt8] {
    switch node.content {
    case .child: preconditionFailure("a branch's entry has no value")
    case .inline(let range, _): return Array(page.bytes[range])
    case .overflow(let first, let length):
      _ = try overflowPages(first, length: length)
      let start = Int(first) * pageSize + TreePage.headerLength
      let bytes = try readBytes(file, at: start, count: length, path: path)
      guard bytes.count == length else {
        throw .damaged(path, "truncated inside a value on page \(first)")
      }
      return bytes
    }
  }
}
