import Foundation

/// Texts as C has them, ended by a null pointer.
@safe final class CStrings {
  let pointers: UnsafePointer<UnsafePointer<CChar>?>
  private let count: Int

  init(_ texts: [String]) {
    count = texts.count
    let room = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: texts.count + 1)
    for (index, text) in texts.enumerated() {
      unsafe room[index] = unsafe UnsafePointer(strdup(text))
    }
    unsafe room[texts.count] = nil
    unsafe pointers = unsafe UnsafePointer(room)
  }

  deinit {
    for index in 0..<count { unsafe free(UnsafeMutablePointer(mutating: pointers[index])) }
    unsafe pointers.deallocate()
  }
}
