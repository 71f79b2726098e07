/// Sums, products, powers and determinants of matrices.
extension Evaluator {
  /// The matrix that an expression of matrices is; nil: none occurs in it.
  func matrix(_ expression: Expression) throws(MathematicsError) -> [[Quotient]]? {
    switch expression {
    case .matrix(let rows):
      var result: [[Quotient]] = []
      for row in rows {
        var cells: [Quotient] = []
        for cell in row { cells.append(try quotient(cell)) }
        result.append(cells)
      }
      return result
    case .negative(let part):
      return try matrix(part)?.map { $0.map { algebra.negate($0) } }
    case .sum(let parts):
      guard let first = try matrix(parts[0]) else { return nil }
      var sum = first
      for part in parts.dropFirst() {
        guard let next = try matrix(part), next.count == sum.count,
          next[0].count == sum[0].count
        else { throw .unreadable }
        for row in sum.indices {
          for column in sum[row].indices {
            sum[row][column] = try algebra.add(sum[row][column], next[row][column])
          }
        }
      }
      return sum
    case .product(let parts): return try matrixProduct(parts)
    case .quotient(let top, let bottom):
      guard let matrix = try matrix(top) else { return nil }
      return try scaled(matrix, try algebra.divide(Quotient.one, try quotient(bottom)))
    case .power(let base, .number(let exponent, places: nil)):
      guard let matrix = try matrix(base) else { return nil }
      guard let count = exponent.word, (1...16).contains(count) else { throw .unreadable }
      var result = matrix
      for _ in 1..<count { result = try product(result, matrix) }
      return result
    default: return nil
    }
  }

  private func matrixProduct(
    _ parts: [Expression]
  ) throws(MathematicsError) -> [[Quotient]]? {
    var result: [[Quotient]]?
    var scale = Quotient.one
    var scalars: [Expression] = []
    for part in parts {
      if let next = try matrix(part) {
        result =
          try result.map { (left) throws(MathematicsError) in try product(left, next) } ?? next
      } else {
        scalars.append(part)
      }
    }
    guard let result else { return nil }
    for part in scalars { scale = try algebra.multiply(scale, try quotient(part)) }
    return try scaled(result, scale)
  }

  private func scaled(
    _ matrix: [[Quotient]], _ factor: Quotient
  ) throws(MathematicsError) -> [[Quotient]] {
    var result = matrix
    for row in result.indices {
      for column in result[row].indices {
        result[row][column] = try algebra.multiply(result[row][column], factor)
      }
    }
    return result
  }

  private func product(
    _ a: [[Quotient]], _ b: [[Quotient]]
  ) throws(MathematicsError) -> [[Quotient]] {
    guard a[0].count == b.count else { throw .undefined }
    var result: [[Quotient]] = []
    for row in a {
      var cells: [Quotient] = []
      for column in b[0].indices {
        var sum = Quotient.zero
        for (index, cell) in row.enumerated() {
          sum = try algebra.add(sum, try algebra.multiply(cell, b[index][column]))
        }
        cells.append(sum)
      }
      result.append(cells)
    }
    return result
  }

  func determinant(_ rows: [[Quotient]]) throws(MathematicsError) -> Quotient {
    try algebra.budget.spend(1)
    if rows.count == 1 { return rows[0][0] }
    guard rows.count <= 6 else { throw .budget }
    var sum = Quotient.zero
    for (column, cell) in rows[0].enumerated() where !cell.isZero {
      let minor = rows.dropFirst().map { row in
        var rest = row
        rest.remove(at: column)
        return rest
      }
      let part = try algebra.multiply(cell, try determinant(minor))
      sum = try column % 2 == 0 ? algebra.add(sum, part) : algebra.subtract(sum, part)
    }
    return sum
  }
}
