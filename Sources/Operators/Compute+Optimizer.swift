import COps

extension Compute {
  /// Sum of squares in double, in a fixed order.
  public func sumOfSquares(_ tensor: Tensor) -> Double {
    unsafe ops_sum_of_squares_f32(context, tensor.handle)
  }

  /// One AdamW step (arXiv 1711.05101) as `torch.optim.AdamW` computes it. `update` counts from 1.
  public func adamW(
    learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
    gradientScale: Double, update: UInt64, gradient: Tensor, parameters: Tensor, first: Tensor,
    second: Tensor
  ) {
    precondition(
      gradient.count == parameters.count && first.count == parameters.count
        && second.count == parameters.count, "adamW: tensors of unequal size")
    var settings = ops_adamw(
      learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weight_decay: weightDecay, gradient_scale: gradientScale, update: update)
    unsafe ops_adamw_f32(
      context, &settings, gradient.handle, parameters.handle, first.handle, second.handle)
  }
}

extension Compute {
  /// e^x as every operator computes it: below 2 ulp for x in [-87, 88], 0 below, e^88 above.
  public func exponentials(_ x: [Float]) -> [Float] {
    unsafe [Float](unsafeUninitializedCapacity: x.count) { buffer, initialized in
      unsafe x.withUnsafeBufferPointer {
        unsafe ops_exp_f32(context, $0.baseAddress, buffer.baseAddress, $0.count)
      }
      initialized = x.count
    }
  }
}

/// Whether a row of a product keeps its bits wherever it stands, measured on this machine.
public struct RowIndependence: Sendable, Equatable {
  public struct Shape: Sendable, Equatable {
    /// A product `[rows, n]` over `k`.
    public var n: Int
    public var k: Int
    /// Rows that changed bits with their place or with the size of their tile.
    public var dependentRows: Int
  }

  /// The product kernel that was measured.
  public var productKernel: String
  public var rows: Int
  public var shapes: [Shape]
  /// Where true, the log-probability stored at generation and the trainer's are the same bits.
  public var holds: Bool { shapes.allSatisfy { $0.dependentRows == 0 } }
}

extension Compute {
  /// Computes products of many shapes in tiles of every size that the engine uses, shifted, and
  /// compares bits. About a tenth of a second.
  public func measureRowIndependence(
    widths: [Int] = [16, 48, 64, 100, 128, 192, 320, 512, 1024],
    depths: [Int] = [64, 128, 144, 192, 256, 512]
  ) -> RowIndependence {
    let rows = 192
    var shapes: [RowIndependence.Shape] = []
    for k in depths {
      for n in widths {
        let dependent = unsafe ops_measure_row_dependence(
          context, rows, n, k, products.c, UInt64(n * 7919 + k))
        shapes.append(RowIndependence.Shape(n: n, k: k, dependentRows: dependent))
      }
    }
    return RowIndependence(
      productKernel: productKernel, rows: rows, shapes: shapes)
  }
}
