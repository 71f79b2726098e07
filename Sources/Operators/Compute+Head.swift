import COps

/// The head: scores, their gradients, sampling. `ops.h` has the equations.
extension Compute {
  /// Logits of chosen rows of `x`, `[rows, V]`.
  public func logits(_ shape: TransformerShape, _ parameters: Tensor, x: Tensor, rows: [Int])
    -> [Float]
  {
    precondition(shape.hasHead, "logits: a critic has no logits")
    let count = rows.count * shape.vocabulary
    return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      unsafe shape.withUnsafe { model in
        unsafe rows.withUnsafeBufferPointer {
          unsafe ops_logits_f32(
            context, model, parameters.handle, x.handle, $0.baseAddress, $0.count,
            buffer.baseAddress)
        }
      }
      initialized = count
    }
  }

  /// Log-probability and entropy of every target, written at its index.
  /// - Parameter kept: of `TransformerShape.logitFloats`: keeps the logits for `scoreBackward`.
  public func score(
    _ shape: TransformerShape, _ parameters: Tensor, x: Tensor, rows: [HeadRow],
    targets: [HeadTarget], temperature: Float, logProbabilities: inout [Float],
    entropies: inout [Float], keeping kept: Tensor? = nil
  ) {
    precondition(shape.hasHead, "score: a critic has no logits")
    precondition(logProbabilities.count == entropies.count, "score: arrays of unequal length")
    unsafe shape.withUnsafe { model in
      unsafe withRebound(rows, as: ops_head_row.self) { headRows in
        unsafe withRebound(targets, as: ops_target.self) { headTargets in
          unsafe logProbabilities.withUnsafeMutableBufferPointer { logProbabilities in
            unsafe entropies.withUnsafeMutableBufferPointer { entropies in
              unsafe ops_head_score_f32(
                context, model, parameters.handle, x.handle, headRows, rows.count, headTargets,
                temperature, logProbabilities.baseAddress, entropies.baseAddress, kept?.handle)
            }
          }
        }
      }
    }
  }

  /// Backward of `score`. `dx` of `xRows` rows is overwritten. Without `gradient` the parameters are
  /// frozen.
  /// - Parameter kept: the logits that `score` of the same rows kept, which are spent.
  public func scoreBackward(
    _ shape: TransformerShape, _ parameters: Tensor, x: Tensor, xRows: Int, rows: [HeadRow],
    targets: [HeadTarget], temperature: Float, dLogProbabilities: [Float], dEntropies: [Float]?,
    into dx: Tensor, gradient: Tensor?, workspace: Tensor, kept: Tensor? = nil
  ) {
    precondition(shape.hasHead, "scoreBackward: a critic has no logits")
    precondition(
      dEntropies == nil || dEntropies?.count == dLogProbabilities.count,
      "scoreBackward: arrays of unequal length")
    unsafe shape.withUnsafe { model in
      unsafe withRebound(rows, as: ops_head_row.self) { headRows in
        unsafe withRebound(targets, as: ops_target.self) { headTargets in
          unsafe dLogProbabilities.withUnsafeBufferPointer { weights in
            unsafe withOptional(dEntropies) { spread in
              unsafe ops_head_backward_f32(
                context, model, parameters.handle, x.handle, xRows, headRows, rows.count,
                headTargets, temperature, weights.baseAddress, spread, dx.handle,
                gradient?.handle, workspace.handle, kept?.handle)
            }
          }
        }
      }
    }
  }

  /// Draws one token from each of `rows` of `x`, with a number in [0, 1) each.
  public func sample(
    _ shape: TransformerShape, _ parameters: Tensor, x: Tensor, rows: [Int],
    filters: SamplingFilters, uniforms: [Double]
  ) -> [DrawnToken] {
    precondition(shape.hasHead, "sample: a critic has no logits")
    precondition(rows.count == uniforms.count, "sample: \(uniforms.count) for \(rows.count) rows")
    var drawn = [DrawnToken](repeating: DrawnToken(), count: rows.count)
    unsafe shape.withUnsafe { model in
      unsafe rows.withUnsafeBufferPointer { rows in
        unsafe uniforms.withUnsafeBufferPointer { uniforms in
          unsafe withUnsafePointer(to: filters.c) { filters in
            unsafe drawn.withUnsafeMutableBytes {
              unsafe ops_head_sample_f32(
                context, model, parameters.handle, x.handle, rows.baseAddress, rows.count,
                filters, uniforms.baseAddress,
                $0.baseAddress?.assumingMemoryBound(to: ops_drawn.self))
            }
          }
        }
      }
    }
    return drawn
  }

  /// The distribution that the filters leave of one row of logits, in the order of the draw.
  public func filteredDistribution(_ logits: [Float], _ filters: SamplingFilters)
    -> [(id: Int32, probability: Float)]
  {
    var ids = [Int32](repeating: 0, count: logits.count)
    var probabilities = [Float](repeating: 0, count: logits.count)
    let kept = unsafe logits.withUnsafeBufferPointer { logits in
      unsafe ids.withUnsafeMutableBufferPointer { ids in
        unsafe probabilities.withUnsafeMutableBufferPointer { probabilities in
          unsafe withUnsafePointer(to: filters.c) {
            unsafe ops_filtered_distribution(
              context, logits.baseAddress, logits.count, $0, ids.baseAddress,
              probabilities.baseAddress)
          }
        }
      }
    }
    return (0..<kept).map { (ids[$0], probabilities[$0]) }
  }
}

private func withOptional(_ values: [Float]?, _ body: (UnsafePointer<Float>?) -> Void) {
  guard let values else { return body(nil) }
  unsafe values.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
}
