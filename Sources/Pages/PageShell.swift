import Digest
import Foundation
import PageAssets

/// The HTML around the pages: one document with its script and style inside, allowed by their digests,
/// and nothing from anywhere else.
///
/// Everything that is shown is put into the document as text by the script, never as markup.
public enum PageShell {
  private static let style = joined(PageAssets.styles)
  private static let script = "\"use strict\";(()=>{\n\(joined(PageAssets.scripts))\n})();"

  /// The whole document.
  ///
  /// - Parameter data: JSON for the element `temper-data`.
  public static func page(data: [UInt8]) -> (html: [UInt8], contentSecurityPolicy: String) {
    let policy = contentSecurityPolicy
    var html = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(metaPolicy)">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="referrer" content="no-referrer">
      <title>Temper</title>
      <link rel="icon" href="data:,">
      <style>\(style)</style>
      </head>
      <body>
      <div id="app"></div>
      <noscript>These pages are drawn by the script inside this document, which is switched off.</noscript>
      <script type="application/json" id="temper-data">
      """.utf8.map { $0 }
    html += embedded(data)
    html += Array("</script>\n<script>\(script)</script>\n</body>\n</html>\n".utf8)
    return (html, policy)
  }

  /// What the document may load: itself and, where it is served, its own origin.
  public static var contentSecurityPolicy: String { metaPolicy + "; frame-ancestors 'none'" }

  /// Without what only a header may say.
  private static var metaPolicy: String {
    "default-src 'none'; script-src 'sha256-\(digest(script))'; style-src 'sha256-\(digest(style))'; "
      + "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
  }

  private static func digest(_ text: String) -> String {
    Data(SHA256.hash(Array(text.utf8))).base64EncodedString()
  }

  /// JSON that no reader of HTML takes for anything else: `<`, `>` and `&` as escapes, which JSON has
  /// inside strings alone; and the line ends of JavaScript that JSON has not.
  static func embedded(_ json: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(json.count + json.count / 64)
    for byte in json {
      switch byte {
      case UInt8(ascii: "<"): bytes += Array("\\u003c".utf8)
      case UInt8(ascii: ">"): bytes += Array("\\u003e".utf8)
      case UInt8(ascii: "&"): bytes += Array("\\u0026".utf8)
      case 0: bytes += Array("\\u0000".utf8)
      default: bytes.append(byte)
      }
    }
    return bytes
  }

  private static func joined(_ files: [[UInt8]]) -> String {
    files.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
  }
}
