import Policy

/// The roofline alone, without a job.
public enum RooflineBench {
  /// The memory's bandwidth.
  public static func memory(_ roofline: Roofline) -> BenchRecord {
    var record = BenchRecord(job: "roofline", threads: roofline.threads, steps: 1)
    let watch = Stopwatch()
    record.figures = [
      "memory_read_gb_per_second": roofline.bandwidth.readGbPerSecond,
      "memory_triad_gb_per_second": roofline.bandwidth.triadGbPerSecond,
    ]
    record.take(watch.reading)
    return record
  }

  /// OpenBLAS's rate at the products of a training step; the record is to be compared.
  /// - Parameter path: a model directory.
  public static func products(
    model path: String, shape: TrainShape, _ roofline: Roofline
  ) throws -> BenchRecord {
    let model = try BenchModel(path)
    var record = model.record(job: "roofline", threads: roofline.threads, steps: 1)
    record.shape = "\(shape)"
    let rows = shape.sequences * (shape.tokens - 1)
    record.products = model.work.products(rows: rows, headRows: rows, trains: true)
    return record
  }
}
