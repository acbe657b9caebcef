"""Style and script of the page: no network, no build step."""

STYLE = """
:root{--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--paper:#fff;--wash:#f6f8fa;--add:#dafbe1;--addw:#aceebb;
  --del:#ffebe9;
--delw:#ffcecb;--accent:#0550ae;--missing:#bc4c00;--leaf:#116329;
--mono:ui-monospace,SFMono-Regular,"DejaVu Sans Mono",Menlo,Consolas,monospace}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
  font:14px/1.5 system-ui,"Segoe UI","Helvetica Neue","DejaVu Sans",sans-serif}
main,header{max-width:1400px;margin:0 auto;padding:0 20px}
header{padding-top:22px}
h1{font-size:22px;margin:0 0 4px;font-weight:600}
h2{font-size:17px;margin:0;font-weight:600}
h3{font-size:13px;margin:18px 0 6px;font-weight:600;color:var(--soft)}
p{margin:4px 0}
.soft{color:var(--soft)}
code,pre,.code{font-family:var(--mono);font-size:12px}
pre{margin:8px 0;padding:10px 12px;background:var(--wash);border:1px solid var(--line);border-radius:6px;
  white-space:pre-wrap;overflow-wrap:anywhere}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
table.passes{border-collapse:collapse;width:100%;margin:14px 0 8px;font-size:13px}
.passes th{text-align:left;font-weight:600;color:var(--soft);border-bottom:1px solid var(--line);
  padding:4px 10px 4px 0;white-space:nowrap}
.passes td{border-bottom:1px solid var(--line);padding:5px 10px 5px 0;vertical-align:top}
.passes td.n,.passes th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.passes td.bar{width:120px;padding-right:0}.bar span{display:block;height:9px;margin-top:6px;background:#8fb3dd;
  border-radius:2px}
.plus{color:#116329}.minus{color:#a40e26}
section{border-top:2px solid var(--line);margin-top:26px;padding-top:14px}
.head{display:flex;gap:14px;align-items:baseline;flex-wrap:wrap}
.head .stats{margin-left:auto;color:var(--soft);font-size:13px;font-variant-numeric:tabular-nums}
.line{margin:6px 0 0}.line .code{background:var(--wash);border:1px solid var(--line);border-radius:5px;padding:2px 8px}
table.diff{table-layout:fixed;width:100%;border-collapse:collapse;border:1px solid var(--line);
  font-family:var(--mono);font-size:11.5px;line-height:1.45}
.diff td{vertical-align:top;padding:0 8px 0 calc(30px + var(--i,0)*1ch);
  white-space:pre-wrap;overflow-wrap:anywhere;text-indent:-22px;width:50%}
.diff td+td{border-left:1px solid var(--line)}
.diff tr.c td:first-child:not(.none){background:var(--del)}.diff tr.c td:last-child:not(.none){background:var(--add)}
.diff td.none{background:var(--wash)}
.diff mark{background:var(--delw);color:inherit;border-radius:2px}.diff td:last-child mark{background:var(--addw)}
.diff tr.fold td{background:var(--wash);color:var(--soft);text-align:center;text-indent:0;padding:2px;cursor:pointer;
  font-family:inherit}
.diff th{font-weight:600;text-align:left;padding:3px 8px;background:var(--wash);border-bottom:1px solid var(--line);
  color:var(--soft)}
.diff th+th{border-left:1px solid var(--line)}
.hidden{display:none}
.drawing{overflow-x:auto;border:1px solid var(--line);border-radius:6px;padding:10px;background:var(--paper)}
svg.tree{display:block;font-family:var(--mono);font-size:11px}
svg.tree text{fill:var(--ink)}
svg.tree .node rect{fill:#eef4fb;stroke:#9dbbe0}
svg.tree .leaf rect{fill:#f0f7f1;stroke:none}svg.tree .leaf text{fill:var(--leaf)}
svg.tree .cut rect{fill:#f6f8fa;stroke:#c8d1da;stroke-dasharray:3 2}svg.tree .cut text{fill:var(--soft)}
svg.tree text.at{fill:var(--accent)}
svg.tree path{fill:none;stroke:#a3adb8}svg.tree path.missing{stroke:var(--missing);stroke-width:1.6}
svg.tree .strip rect{fill:var(--accent)}svg.tree .strip text{fill:var(--soft)}
.legend{color:var(--soft);font-size:12.5px;margin:4px 0 8px}.legend b{font-weight:600}.legend .m{color:var(--missing)}
figure{margin:0;max-width:100%}.pair{display:flex;flex-wrap:wrap;gap:6px 20px;align-items:flex-start}
.legend{margin-top:16px}
footer{max-width:1400px;margin:30px auto 40px;padding:12px 20px;color:var(--soft);border-top:1px solid var(--line);
  font-size:13px}
"""

SCRIPT = """
document.addEventListener('click',function(e){
  var fold=e.target.closest('tr.fold');if(!fold)return;
  var rows=fold.parentNode.querySelectorAll('tr[data-block="'+fold.dataset.fold+'"]');
  var show=rows[0].classList.contains('hidden');
  rows.forEach(function(r){r.classList.toggle('hidden',!show)});
  fold.firstChild.textContent=(show?'hide ':'show ')+fold.dataset.label;
});
"""
