import Foundation

/// A small file system in memory that knows what is on its disk and what is not yet.
///
/// It is given the calls of a recorded run one by one, and asked what a power cut leaves.
public struct SimulatedDisk {
  typealias Inode = Int

  private enum Node {
    case file(SimulatedFile)
    /// The names in it as the running system sees them.
    case folder([String: Inode])
  }

  private struct Place: Hashable {
    var folder: Inode
    var name: String
  }

  /// One change of names; a rename sets two at once.
  private struct NameChange {
    var sets: [(place: Place, inode: Inode?)]
    var isDurable = false
    /// What has to be on the disk before this change is: a file, and the number of its last change.
    var flush: (file: Inode, changes: Int)?
  }

  public struct Inconsistent: Error, CustomStringConvertible {
    public let description: String
  }

  private let model: DiskModel
  /// Prefix of all paths in the log, with a slash at its end.
  private let root: String
  private var nodes: [Node] = [.folder([:])]
  /// Names on the disk when the recording began.
  private var initial: [Inode: [String: Inode]] = [0: [:]]
  private var changes: [NameChange] = []
  /// What a path named last: a descriptor outlives the renaming of a folder above its file.
  private var lastNamed: [String: Inode] = [:]

  /// - Parameters:
  ///   - root: the folder whose calls were recorded, as the log spells it.
  ///   - folder: a copy of it as it was before; all of that is durable. nil: it was empty.
  public init(_ model: DiskModel, root: String, initially folder: String? = nil) throws {
    self.model = model
    self.root = root.hasSuffix("/") ? root : root + "/"
    guard let folder else { return }
    let manager = FileManager.default
    for path in try manager.subpathsOfDirectory(atPath: folder).sorted() {
      let full = "\(folder)/\(path)"
      var isFolder: ObjCBool = false
      guard unsafe manager.fileExists(atPath: full, isDirectory: &isFolder) else { continue }
      let (parent, name) = try place(of: self.root + path)
      let content =
        isFolder.boolValue
        ? Node.folder([:])
        : .file(SimulatedFile(durable: [UInt8](try Data(contentsOf: URL(fileURLWithPath: full)))))
      nodes.append(content)
      initial[parent, default: [:]][name] = nodes.count - 1
      set(name, in: parent, to: nodes.count - 1)
    }
  }

  /// What is in `path` for the running system; nil where there is no such file.
  public func current(_ path: String) -> [UInt8]? {
    guard let inode = find(path), case .file(let file) = nodes[inode] else { return nil }
    return file.current
  }
}

// MARK: Calls

extension SimulatedDisk {
  public mutating func apply(_ operations: some Sequence<DiskOperation>) throws {
    for operation in operations { try apply(operation) }
  }

  public mutating func apply(_ operation: DiskOperation) throws {
    // The kernel's name for a descriptor whose file has none any more: no cut brings it back.
    guard !operation.path.hasSuffix(" (deleted)") else { return }
    switch operation.kind {
    case .create: try make(.file(SimulatedFile()), operation.path)
    case .makeFolder: try make(.folder([:]), operation.path)
    case .unlink, .removeFolder:
      let (folder, name) = try place(of: operation.path)
      change([(folder, name, nil)])
    case .rename: try rename(operation.path, to: operation.target)
    case .link:
      let (folder, name) = try place(of: operation.target)
      change([(folder, name, try inode(operation.path))])
    case .write:
      try withFile(operation.path) {
        $0.write(operation.data, at: operation.offset, isSynchronous: operation.isSynchronous)
      }
      if operation.isSynchronous, try grew(operation) { commitNames() }
    case .truncate: try withFile(operation.path) { $0.truncate(to: operation.offset) }
    case .syncFile, .syncData:
      let hasGrown = try file(operation.path).hasGrown
      try withFile(operation.path) { $0.sync() }
      // fdatasync leaves the journal alone unless the length has to be found again.
      if operation.kind == .syncFile || hasGrown { commitNames() }
    case .syncFolder:
      if model == .ext4 { commitNames() } else { try commitNames(in: inode(operation.path)) }
    case .mark, .allocate, .syncRange: break
    }
  }

  private func grew(_ operation: DiskOperation) throws -> Bool {
    try file(operation.path).durable.count < operation.offset + operation.data.count
  }

  private mutating func make(_ node: Node, _ path: String) throws {
    let (folder, name) = try place(of: path)
    nodes.append(node)
    change([(folder, name, nodes.count - 1)])
    lastNamed[path] = nodes.count - 1
  }

  private mutating func rename(_ source: String, to target: String) throws {
    let moved = try inode(source)
    let (from, oldName) = try place(of: source)
    let (to, newName) = try place(of: target)
    let replaced = find(target)
    change([(from, oldName, nil), (to, newName, moved)])
    if model == .ext4, replaced != nil, case .file(let file) = nodes[moved] {
      changes[changes.count - 1].flush = (moved, file.changes)
    }
    lastNamed[target] = moved
  }

  private mutating func change(_ sets: [(folder: Inode, name: String, inode: Inode?)]) {
    for (folder, name, inode) in sets { set(name, in: folder, to: inode) }
    changes.append(
      NameChange(sets: sets.map { (Place(folder: $0.folder, name: $0.name), $0.inode) }))
  }

  /// ext4: all changes of names so far are in the journal. POSIX promises nothing of the kind.
  private mutating func commitNames() {
    guard model == .ext4 else { return }
    for index in changes.indices { changes[index].isDurable = true }
  }

  private mutating func commitNames(in folder: Inode) {
    for index in changes.indices
    where changes[index].sets.contains(where: { $0.place.folder == folder }) {
      changes[index].isDurable = true
    }
  }
}

// MARK: Paths

extension SimulatedDisk {
  private func components(_ path: String) -> [Substring]? {
    if path + "/" == root { return [] }
    guard path.hasPrefix(root) else { return nil }
    return path.dropFirst(root.count).split(separator: "/")
  }

  /// The inode that a path names now; nil where none.
  private func find(_ path: String) -> Inode? {
    guard let components = components(path) else { return nil }
    var inode = 0
    for name in components {
      guard case .folder(let names) = nodes[inode], let next = names[String(name)] else {
        return nil
      }
      inode = next
    }
    return inode
  }

  private func inode(_ path: String) throws -> Inode {
    if let found = find(path) ?? lastNamed[path] { return found }
    throw Inconsistent(description: "the log uses \(path), which it never made")
  }

  private func place(of path: String) throws -> (folder: Inode, name: String) {
    guard let slash = path.lastIndex(of: "/") else {
      throw Inconsistent(description: "the log has the relative path \(path)")
    }
    return (try inode(String(path[..<slash])), String(path[path.index(after: slash)...]))
  }

  private mutating func set(_ name: String, in folder: Inode, to inode: Inode?) {
    guard case .folder(var names) = nodes[folder] else {
      preconditionFailure("a name in a file: \(name)")
    }
    names[name] = inode
    nodes[folder] = .folder(names)
  }

  private func file(_ path: String) throws -> SimulatedFile {
    guard case .file(let file) = nodes[try inode(path)] else {
      throw Inconsistent(description: "the log takes the folder \(path) for a file")
    }
    return file
  }

  private mutating func withFile(_ path: String, _ body: (inout SimulatedFile) -> Void) throws {
    let inode = try inode(path)
    guard case .file(var file) = nodes[inode] else {
      throw Inconsistent(description: "the log takes the folder \(path) for a file")
    }
    // So that the file's bytes are held once while they change.
    nodes[inode] = .folder([:])
    body(&file)
    nodes[inode] = .file(file)
    lastNamed[path] = inode
  }
}

// MARK: The cut

extension SimulatedDisk {
  /// What the disk holds after a cut: every folder and file by its path below the root.
  public func afterCut(_ cut: PowerCut, _ choices: inout Choices) -> DiskImage {
    var names = initial
    var flushed: [Inode: Int] = [:]
    for index in survivors(cut.survival, &choices) {
      for (place, inode) in changes[index].sets {
        names[place.folder, default: [:]][place.name] = inode
      }
      if let flush = changes[index].flush {
        flushed[flush.file] = max(flushed[flush.file] ?? 0, flush.changes)
      }
    }
    var image = DiskImage()
    var pending: [(path: String, inode: Inode)] = [("", 0)]
    while let (path, inode) = pending.popLast() {
      switch nodes[inode] {
      case .folder:
        if !path.isEmpty { image.folders.append(path) }
        for (name, child) in (names[inode] ?? [:]).sorted(by: { $0.key > $1.key }) {
          pending.append((path.isEmpty ? name : "\(path)/\(name)", child))
        }
      case .file(let file):
        image.files[path] = file.afterCut(
          flushed: flushed[inode] ?? 0, pieceSize: cut.pieceSize, survival: cut.survival, &choices)
      }
    }
    return image
  }

  /// Which changes of names are on the disk, in their order.
  private func survivors(_ survival: Survival, _ choices: inout Choices) -> [Int] {
    switch model {
    case .ext4:
      let least = changes.lastIndex { $0.isDurable }.map { $0 + 1 } ?? 0
      var end = least
      switch survival {
      case .nothing, .data: break
      case .everything, .names: end = changes.count
      case .some: end = choices.integer(in: least...changes.count)
      }
      return Array(0..<end)
    case .strict:
      // What concerns one name keeps its order: after a lost change none of that name survives.
      var lost: Set<Place> = []
      return changes.indices.filter { index in
        let change = changes[index]
        if change.isDurable { return true }
        let isBlocked = change.sets.contains { lost.contains($0.place) }
        if !isBlocked, survival.keepsName(&choices) { return true }
        for (place, _) in change.sets { lost.insert(place) }
        return false
      }
    }
  }
}

/// A tree of files as a cut left it.
public struct DiskImage: Sendable, Equatable {
  /// Parents before their children.
  public var folders: [String] = []
  public var files: [String: [UInt8]] = [:]

  /// Writes the tree into a folder, which is made.
  public func write(to folder: String) throws {
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for path in folders {
      try manager.createDirectory(
        atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
    }
    for (path, bytes) in files {
      try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(path)"))
    }
  }
}
