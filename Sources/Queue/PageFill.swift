/// Cuts a value into pieces that fill LMDB's pages.
///
/// LMDB keeps a value in its leaf up to about half a page and gives anything larger whole pages of
/// its own: 2,030 bytes take 4,096 and 5,000 take 8,192 (measured: 2.03 and 1.65 times). It also
/// starts a new leaf when a value does not fit the rest of the last one. So a value that would
/// waste more than 5 % is cut: whole pages first, the rest in pieces that end where leaves end. (Less
/// is not worth the further pieces: three take thrice the time of one.)
///
/// The rest of the last leaf is counted along, not read: LMDB does not tell it. A wrong count
/// costs room, never data.
package struct PageFill {
  /// `PAGEHDRSZ`.
  private static let pageHeader = 16
  /// `NODESIZE`, and the two bytes that point to the node.
  private static let nodeHeader = 8
  private static let pointer = 2
  /// What a leaf holds of a value with pages of its own.
  private static let pageNumber = 8
  /// A shorter piece is not worth its key: the leaf is left as it is.
  private static let shortest = 64

  let pageSize: Int
  /// Bytes of a key without and with the number of a piece.
  let keyLength: Int
  /// Bytes left in the last leaf; 0 when unknown.
  package private(set) var free: Int

  package init(pageSize: Int, keyLength: Int, free: Int = 0) {
    self.pageSize = pageSize
    self.keyLength = keyLength
    self.free = free
  }

  private var leafRoom: Int { pageSize - Self.pageHeader }
  /// `me_nodemax`: the largest node that stays in its leaf. Two of them fill it exactly.
  private var nodeLimit: Int { (leafRoom / 2) / 2 * 2 - Self.pointer }

  /// The lengths of the pieces of a value of `length` bytes, in order; they add up to it.
  package mutating func pieces(of length: Int) -> [Int] {
    var pieces: [Int] = []
    var rest = length
    if length > nodeLimit - Self.nodeHeader - keyLength {
      let pages = (length + Self.pageHeader + pageSize - 1) / pageSize
      let waste = pages * pageSize - Self.pageHeader - length
      let body = waste * 20 <= length ? length : (pages - 1) * pageSize - Self.pageHeader
      if body > 0 {
        place(Self.nodeHeader + keyLength + Self.pageNumber)
        pieces.append(body)
        rest -= body
      }
    }
    while rest > 0 {
      let key = keyLength + (pieces.isEmpty ? 0 : PieceKey.numberLength)
      let overhead = Self.nodeHeader + key
      let largest = nodeLimit - overhead
      var room = min(largest, free - Self.pointer - overhead)
      if room < min(rest, Self.shortest) { room = largest }
      let piece = min(rest, room)
      place(overhead + piece)
      pieces.append(piece)
      rest -= piece
    }
    return pieces
  }

  /// Counts a node of `size` bytes into the last leaf, or into a new one.
  private mutating func place(_ size: Int) {
    let needed = (size + 1) / 2 * 2 + Self.pointer
    if needed > free { free = leafRoom }
    free -= needed
  }
}

/// The last leaf of a log as this process left it: counts as long as the last key is the same.
struct LastLeaf: Sendable {
  var key: [UInt8]
  var free: Int
}
