/// The script and the style of the pages, part of this binary: the files of `Assets`, embedded as they are.
public enum PageAssets {
  /// In the order in which they are joined: what is used stands before what uses it.
  public static let scripts: [[UInt8]] = [
    PackageResources.dom_js, PackageResources.text_js, PackageResources.format_js,
    PackageResources.data_js, PackageResources.route_js, PackageResources.trace_js,
    PackageResources.marks_js, PackageResources.table_js, PackageResources.columns_js,
    PackageResources.scale_js, PackageResources.chart_js, PackageResources.bars_js,
    PackageResources.canvas_js, PackageResources.heatmap_js, PackageResources.scatter_js,
    PackageResources.timeline_js, PackageResources.quantities_js, PackageResources.tokens_js,
    PackageResources.keep_js, PackageResources.frame_js, PackageResources.keys_js,
    PackageResources.page_runs_js, PackageResources.page_overview_js,
    PackageResources.page_curves_js, PackageResources.page_evaluations_js,
    PackageResources.heat_legend_js, PackageResources.heat_slices_js,
    PackageResources.page_gate_js, PackageResources.group_filter_js,
    PackageResources.group_columns_js, PackageResources.page_groups_js,
    PackageResources.group_figures_js, PackageResources.group_switch_js,
    PackageResources.group_trajectory_js, PackageResources.page_group_js,
    PackageResources.page_audit_js, PackageResources.page_pipeline_js,
    PackageResources.page_compare_js, PackageResources.app_js,
  ]

  public static let styles: [[UInt8]] = [
    PackageResources.theme_css, PackageResources.page_css, PackageResources.parts_css,
    PackageResources.print_css,
  ]
}
