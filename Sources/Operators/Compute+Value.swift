import COps

/// A critic's head: values and their gradients. `ops.h` has the equations.
extension Compute {
  /// The value of every row, written at the index of each of its targets, whose tokens do not count:
  /// `(RMSNorm(x) * finalNorm) · weight + bias`. Same bits on every instruction set and machine.
  public func values(
    _ shape: TransformerShape, _ head: ValueHead, _ parameters: Tensor, x: Tensor,
    rows: [HeadRow], targets: [HeadTarget], into values: inout [Float]
  ) {
    unsafe shape.withUnsafe { model in
      unsafe withUnsafePointer(to: head.c) { head in
        unsafe withRebound(rows, as: ops_head_row.self) { headRows in
          unsafe withRebound(targets, as: ops_target.self) { headTargets in
            unsafe values.withUnsafeMutableBufferPointer {
              unsafe ops_value_f32(
                context, model, head, parameters.handle, x.handle, headRows, rows.count,
                headTargets, $0.baseAddress)
            }
          }
        }
      }
    }
  }

  /// Backward of `values`. `dx` of `xRows` rows is overwritten; the gradients of the final norm and
  /// of the head are accumulated into `gradient`.
  public func valuesBackward(
    _ shape: TransformerShape, _ head: ValueHead, _ parameters: Tensor, x: Tensor, xRows: Int,
    rows: [HeadRow], targets: [HeadTarget], dValues: [Float], into dx: Tensor, gradient: Tensor,
    workspace: Tensor
  ) {
    check(dx, xRows, shape.hidden, "valuesBackward")
    let needed = shape.backwardWorkspace(rows: 0, headRows: rows.count)
    precondition(workspace.count >= needed, "workspace: \(workspace.count) of \(needed)")
    unsafe shape.withUnsafe { model in
      unsafe withUnsafePointer(to: head.c) { head in
        unsafe withRebound(rows, as: ops_head_row.self) { headRows in
          unsafe withRebound(targets, as: ops_target.self) { headTargets in
            unsafe dValues.withUnsafeBufferPointer {
              unsafe ops_value_backward_f32(
                context, model, head, parameters.handle, x.handle, xRows, headRows, rows.count,
                headTargets, $0.baseAddress, dx.handle, gradient.handle, workspace.handle)
            }
          }
        }
      }
    }
  }
}
